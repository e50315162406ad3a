"""Looking inside a GRU: gates and states, what if, gradients, what each channel and step contributed, a page."""

from __future__ import annotations

from .answers import Answers, answers
from .contributions import Contributions, contributions
from .describe import Description, describe
from .edits import Edit
from .find import Found, Peak, Place, exciting, find
from .gradients import GradientNorms, gradient_norms
from .influence import influence
from .statespace import Plane, Point, fixed_points, plane
from .trace import Trace, trace

__all__ = [
    "Answers",
    "Contributions",
    "Description",
    "Edit",
    "Found",
    "GradientNorms",
    "Peak",
    "Place",
    "Plane",
    "Point",
    "Trace",
    "answers",
    "contributions",
    "describe",
    "exciting",
    "find",
    "fixed_points",
    "gradient_norms",
    "influence",
    "plane",
    "trace",
]
