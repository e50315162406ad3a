"""Every way a call of `gruvy.nn.GRU` or `GRUCell` can go, forced."""

from __future__ import annotations

import os
from typing import Any

import pytest

from gruvy.engines import native
from gruvy.nn import cell, layer
from gruvy.nn.engine import asked, choose
from gruvy.nn.route import Route, recorded

OWN = [
    pytest.param("native", marks=pytest.mark.skipif(not native.available()[0], reason=native.available()[1])),
    "torch operations",
    "plain",
    # Only where Triton's interpreter was asked for before anything imported it: `test_nn_triton.py` has such a process.
    *(["triton"] if os.environ.get("TRITON_INTERPRET") else []),
]
ALL = ["torch kernel", *OWN]


def force(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Until the test ends every call goes this way; an engine is forced too, and cannot fall back."""
    way = path if path in ("torch kernel", "plain") else "op"
    real = layer.route

    def forced(call: Any, *given: Any) -> Route:
        found = real(call, *given)
        engine = choose(call.x, asked())[0] if way == "op" and not recorded(call.x) else None
        return found._replace(way=way, reason="forced by the test", engine=engine)

    for module in (layer, cell):
        monkeypatch.setattr(module, "route", forced)
    monkeypatch.setenv("GRUVY_ENGINE", path if path in ("native", "triton") else "reference")
