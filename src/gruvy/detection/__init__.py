"""A word to be heard: from recordings to a detector, and the detector at work.

`words` reads recordings, `voices` changes them, `streams` lays them one after another, `judge` says how good a net is
on them, `fit` trains it and chooses its threshold. `listener` is the detector at work. Training needs torch; the rest
needs none.
"""

from __future__ import annotations

from .fit import Found, fit_detector
from .judge import Rated
from .listener import Listener
from .words import Words, read_recordings

__all__ = ["Found", "Listener", "Rated", "Words", "fit_detector", "read_recordings"]
