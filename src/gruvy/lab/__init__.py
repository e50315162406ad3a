"""The lab: what textbooks claim, put to the test: a prediction, a measurement, a figure and a verdict."""

from __future__ import annotations

from ..extras import need_all

# Said once, before any of the lab's modules asks for them: what is missing, and which extra brings it.
need_all("torch", "jinja2")

from .claims import Claim  # noqa: E402
from .experiment import Experiment, Result  # noqa: E402
from .nets import equal_size  # noqa: E402
from .runner import EXPERIMENTS, Report, run  # noqa: E402
from .verdict import Verdict  # noqa: E402

__all__ = ["EXPERIMENTS", "Claim", "Experiment", "Report", "Result", "Verdict", "equal_size", "run"]
