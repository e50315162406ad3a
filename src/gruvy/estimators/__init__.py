"""scikit-learn estimators for sequences of unequal length."""

from __future__ import annotations

from .classifier import GRUClassifier
from .regressor import GRURegressor

__all__ = ["GRUClassifier", "GRURegressor"]
