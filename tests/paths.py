"""Every way a call of `gruvy.nn.GRU` can go, forced."""

from __future__ import annotations

import pytest

from gruvy.engines import native
from gruvy.nn import GRU

OWN = [
    pytest.param("native", marks=pytest.mark.skipif(not native.available()[0], reason=native.available()[1])),
    "torch operations",
    "plain",
]
ALL = ["torch kernel", *OWN]


def force(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Until the test ends every call goes this way; an engine is forced too, and cannot fall back."""
    way = path if path in ("torch kernel", "plain") else "op"
    monkeypatch.setattr(GRU, "_way", lambda self, call, weights, return_gates: (way, "forced by the test"))
    monkeypatch.setenv("GRUVY_ENGINE", "native" if path == "native" else "reference")
