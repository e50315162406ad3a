"""The lab: every claim of the textbook is an experiment with a prediction, a measurement, a figure and a verdict."""

from __future__ import annotations

from .experiment import Experiment, Verdict
from .nets import equal_size
from .runner import EXPERIMENTS, Report, Result, run

__all__ = ["EXPERIMENTS", "Experiment", "Report", "Result", "Verdict", "equal_size", "run"]
