"""The errors of gruvy: one root, `gruvy.Error`; each is also the built-in kinds that its callers expect.

Python and scikit-learn raise ValueError or TypeError for a wrong argument. torch raises ValueError for some, a dtype
among them, and RuntimeError for most; so that whoever catches torch's error catches ours, ours are those too.
"""

from __future__ import annotations


class Error(Exception):
    """Root of every error that gruvy raises on purpose."""


class InputError(Error, ValueError, RuntimeError):
    """An argument has the wrong shape or value; the text names it, what was given and what was expected."""


class InputTypeError(InputError, TypeError):
    """An argument has the wrong type or dtype; the text names it, what was given and what was expected."""


class ConventionError(InputError):
    """Two GRU conventions do not fit each other, or a convention is unknown."""


class DataError(InputError):
    """A file, frame or array does not hold sequences that can be used; the text says where."""


class ModelFileError(InputError):
    """A file is not a gruvy model, is damaged, or was written by a newer version."""


class EngineError(Error, ValueError, RuntimeError):
    """A forced engine is absent or cannot serve the call."""


class MissingExtraError(Error, ValueError, ImportError):
    """A feature needs an optional dependency; the text says which extra installs it."""
