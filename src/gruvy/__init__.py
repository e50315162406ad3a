"""gruvy: the gated recurrent unit for Python."""

__version__ = "0.1.0"
