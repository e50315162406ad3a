"""Looking inside a GRU: gates and states, what if, gradients, what each channel and step contributed, a page."""

from __future__ import annotations

from .answers import answers
from .contributions import Contributions, contributions
from .describe import Description, describe
from .edits import Edit
from .find import Found, Peak, Place, exciting, find
from .gradients import GradientNorms, gradient_norms
from .influence import influence
from .memory import Memory, memory
from .read_out import ReadOut, read_out
from .statespace import Plane, Point, fixed_points, plane
from .trace import Trace, trace

__all__ = [
    "Contributions",
    "Description",
    "Edit",
    "Found",
    "GradientNorms",
    "Memory",
    "Peak",
    "Place",
    "Plane",
    "Point",
    "ReadOut",
    "Trace",
    "answers",
    "contributions",
    "describe",
    "exciting",
    "find",
    "fixed_points",
    "gradient_norms",
    "influence",
    "memory",
    "plane",
    "read_out",
    "trace",
]
