"""scikit-learn estimators for sequences of unequal length."""

from __future__ import annotations

from .base import GRUClassifier, GRURegressor

__all__ = ["GRUClassifier", "GRURegressor"]
