"""The lab's page: one file that opens from disk and asks nothing of any network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files

import jinja2

from ..inside import palette
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
    # A name may hold "</script>": inside JSON every "<" is written as its code, so the browser never sees one.
    data = json.dumps(drawn, allow_nan=False).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    script = _resource("lab.bundle.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {"show": show}
    template = environment.from_string(_resource("page.html"))
    given = {"claims": claims, "results": results, "quick": quick, "seed": seed, "versions": versions}
    given |= {"figures": figures, "data": data, "script": script, "script_hash": f"'sha256-{digest}'"}
    given |= {"css": palette.css() + _resource("page.css"), "marks": _MARKS}
    rules = {"join_rule": _words(join.__doc__), "interval_rule": _words(interval.__doc__)}
    return template.render(given | rules)


def _words(text: str | None) -> str:
    """What a docstring says before its arguments, in one line."""
    return " ".join((text or "").partition("Args:")[0].split())


def _resource(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
