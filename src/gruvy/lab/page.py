"""The lab's page: one file that opens from disk and asks nothing of any network."""

from __future__ import annotations

from collections.abc import Sequence

from ..inside.explorer.writing import data_in_page, page
from .claims import Claim
from .experiment import Result, show
from .verdict import Verdict, join
from .weigh import interval

_MARKS = {"holds": "✔", "holds only when": "◐", "does not hold": "✘", "cannot tell": "?", "not run": "–"}


def render(
    claims: Sequence[tuple[Claim, Verdict, list[Result]]], quick: bool, seed: int, versions: dict[str, str]
) -> str:
    """The page as HTML.

    Args:
        claims: the claims in order, each with the verdict that joins its experiments, and what came of them.
        quick: which mode.
        seed: of the run.
        versions: what the numbers depend on.
    """
    results = [r for _, _, of in claims for r in of]
    figures = {r.experiment.name: r.experiment.figures(r.numbers) if r.verdict else [] for r in results}
    drawn = {f"{name}-{k}": one.drawn() for name, of in figures.items() for k, one in enumerate(of)}
    given = {"claims": claims, "results": results, "quick": quick, "seed": seed, "versions": versions}
    given |= {"figures": figures, "data": data_in_page(drawn), "marks": _MARKS, "show": show}
    given |= {"join_rule": _words(join.__doc__), "interval_rule": _words(interval.__doc__)}
    return page("page.html", "lab.bundle.js", ("page.css",), given, __package__).decode()


def _words(text: str | None) -> str:
    """What a docstring says before its arguments, in one line."""
    return " ".join((text or "").partition("Args:")[0].split())
