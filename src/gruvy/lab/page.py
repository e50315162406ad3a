"""The lab's page: one file that opens from disk and asks nothing of any network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from plotly.io import to_html
from plotly.offline import get_plotlyjs

from .experiment import show

if TYPE_CHECKING:
    from .runner import Result

_MARKS = {"holds": "✔", "holds only when": "◐", "does not hold": "✘"}


def render(results: Sequence[Result], quick: bool, seed: int, versions: dict[str, str]) -> str:
    """The page as HTML.

    Args:
        results: what came of the experiments, in order.
        quick: which mode.
        seed: of the run.
        versions: what the numbers depend on.
    """
    shown = []
    for r in results:
        figures = r.experiment.figures(r.numbers) if r.verdict else []
        for figure in figures:
            # Both colour schemes show through; the page's script sets the ink.
            figure.update_layout(paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)")
        shown.append(_row(r, [to_html(f, full_html=False, include_plotlyjs=False, config=_CONFIG) for f in figures]))
    template = jinja2.Environment(autoescape=True).from_string(
        Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    )
    return template.render(
        rows=shown, quick=quick, seed=seed, versions=versions, plotly=get_plotlyjs(),
        minutes=sum(r.seconds for r in results) / 60, reduced=[r.experiment.name for r in results if r.reduced],
    )  # fmt: skip


_CONFIG = {"responsive": True, "displaylogo": False, "displayModeBar": False}


def _row(r: Result, figures: list[str]) -> dict[str, Any]:
    e = r.experiment
    head, rows = e.table(r.numbers) if r.verdict else ([], [])
    settings = [(key.replace("_", " "), show(value)) for key, value in e.settings(r.quick).items()]
    outcome = r.verdict.outcome if r.verdict else "not run"
    return {
        "name": e.name, "claim": e.claim, "prediction": e.prediction, "method": e.method, "rule": e.rule_text,
        "outcome": outcome, "said": str(r.verdict or outcome),
        "mark": _MARKS.get(outcome, "–"), "text": r.verdict.text if r.verdict else r.missing,
        "reduced": r.reduced, "settings": settings, "seconds": r.seconds, "budget": e.budget[0 if r.quick else 1],
        "figures": figures, "head": head, "rows": rows,
    }  # fmt: skip
