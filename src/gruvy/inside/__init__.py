"""Looking inside a GRU: gates and states, gradients, what each channel and step contributed, figures, a page."""

from __future__ import annotations

from .answers import Answers, answers
from .contributions import Contributions, contributions
from .edits import Edit
from .gradients import GradientNorms, gradient_norms
from .trace import Trace, trace

__all__ = [
    "Answers",
    "Contributions",
    "Edit",
    "GradientNorms",
    "Trace",
    "answers",
    "contributions",
    "gradient_norms",
    "trace",
]
