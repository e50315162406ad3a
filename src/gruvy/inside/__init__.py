"""Looking inside a GRU: gates and states, gradients, what each channel and step contributed, figures, a page."""

from __future__ import annotations

from .answers import answers
from .contributions import Contributions, contributions
from .gradients import GradientNorms, gradient_norms
from .memory import Memory, memory
from .trace import Trace, trace

__all__ = [
    "Contributions",
    "GradientNorms",
    "Memory",
    "Trace",
    "answers",
    "contributions",
    "gradient_norms",
    "memory",
    "trace",
]
