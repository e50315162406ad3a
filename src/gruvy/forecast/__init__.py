"""Forecasts of one or many series: `GRUForecaster`, its intervals, and its trial at origins of the past.

Training needs torch; forecasts of a trained or loaded model need NumPy alone.
"""

from __future__ import annotations

from .backtest import Backtest
from .forecaster import GRUForecaster
from .frames import panel
from .predictor import Forecast
from .series import Panel

__all__ = ["Backtest", "Forecast", "GRUForecaster", "Panel", "panel"]
