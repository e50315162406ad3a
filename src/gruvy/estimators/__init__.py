"""scikit-learn estimators for sequences of unequal length."""

from __future__ import annotations

from .classifier import GRUClassifier
from .importance import ChannelImportance, channel_importance
from .regressor import GRURegressor
from .tagger import GRUTagger

__all__ = ["ChannelImportance", "GRUClassifier", "GRURegressor", "GRUTagger", "channel_importance"]
