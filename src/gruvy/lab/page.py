"""The lab's page: one file that opens from disk and asks nothing of any network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2
import plotly.graph_objects as go
from plotly.io import to_html
from plotly.offline import get_plotlyjs

from .experiment import Result, show

_MARKS = {"holds": "✔", "holds only when": "◐", "does not hold": "✘", "not run": "–"}
_CONFIG = {"responsive": True, "displaylogo": False, "displayModeBar": False}


def render(results: Sequence[Result], quick: bool, seed: int, versions: dict[str, str]) -> str:
    """The page as HTML.

    Args:
        results: what came of the experiments, in order.
        quick: which mode.
        seed: of the run.
        versions: what the numbers depend on.
    """
    source = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True)
    environment.filters |= {"show": show, "figure": _html}
    template = environment.from_string(source)
    given = {"results": results, "quick": quick, "seed": seed, "versions": versions}
    return template.render(given, marks=_MARKS, plotly=get_plotlyjs())


def _html(figure: go.Figure) -> str:
    """A figure as a piece of the page: both colour schemes show through, and the page's script sets the ink."""
    figure.update_layout(paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)")
    return str(to_html(figure, full_html=False, include_plotlyjs=False, config=_CONFIG))
