"""The lab: every claim of the textbook is an experiment with a prediction, a measurement, a figure and a verdict."""

from __future__ import annotations

from ..extras import need_all

# Said once, before any of the lab's modules asks for them: what is missing, and which extra brings it.
need_all("torch", "plotly", "jinja2")

from .experiment import Experiment, Result, Verdict  # noqa: E402
from .nets import equal_size  # noqa: E402
from .runner import EXPERIMENTS, Report, run  # noqa: E402

__all__ = ["EXPERIMENTS", "Experiment", "Report", "Result", "Verdict", "equal_size", "run"]
