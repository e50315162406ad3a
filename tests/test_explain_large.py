"""Nets and recordings by the thousand on the explorer's page: what is aggregated is said, and every number is right."""

from __future__ import annotations

import numpy as np
import pytest

from explained import Shown, same, shown_unit
from gruvy.explain import aggregate, explain, payload
from gruvy.trace import trace
from small_nets import CONVENTIONS, random_weights


def test_many_units_and_steps_are_averaged_and_said(browser, tmp_path, monkeypatch):
    monkeypatch.setattr(payload, "MOST_WORK", 1e9)
    rng = np.random.default_rng(22)
    w = random_weights(rng, CONVENTIONS[0], I=1, H=310, size=0.05).astype(np.float32)
    x = rng.normal(size=(1250, 1)).astype(np.float32)
    path = tmp_path / "page.html"
    found = explain(w, [x], path)
    assert found.notes == [
        "Contributions are left out: this net and these sequences are too large for more.",
        "Gradients over lag are left out: this net and these sequences are too large for them.",
    ]
    shown = Shown(browser, path)
    text = shown.page.inner_text("#aggregated")
    assert "each row of the gates is the mean of 3 units; each column is the mean of 2 steps" in text
    assert shown.page.inner_text("#notes").split("\n") == found.notes
    shown.slide("step", 1000)
    t = trace(w.astype(np.float64), x[None], engine="reference")
    u = shown_unit(shown)
    seen = dict(shown.numbers())
    for key, a in (("cell.z", t.update), ("cell.out", t.state), ("cell.n", t.candidate)):
        assert same(seen[key], a[0, 0, 999, u])
    shown.close(path)
