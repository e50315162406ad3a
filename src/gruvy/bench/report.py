"""From seconds to words: tables of ratios with their spread, the README's table, and figures."""

from __future__ import annotations

import html
import math
import re
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .. import files
from ..errors import InputError
from .timing import ratio

TITLES = {
    "train": "Forward with backward",
    "infer": "Inference",
    "deploy": "Inference without torch, weights packed once",
    "step": "One step of one stream",
    "variants": "Forward with backward, called in other ways",
    "together": "Two processes at once, time relative to a fair share of the cores",
}
PAGE = """\
# Benchmark

Who takes how long for the same thing? Every number is a time relative to gruvy (higher: gruvy is faster): the median of
rounds that were run in turn, and in brackets the quartiles. Everybody's numbers are checked first, and whoever computes
wrong ones is not timed. All but torch.nn.LSTM, another kind of net, compute a GRU. A shape is T steps, a batch of B
sequences, I input units and H hidden units. `gruvy bench` measures all of it on your machine.

![A bar for each contestant: how many times as long as gruvy it takes](speed.svg)

![A bar for each shape and contestant, on a logarithmic axis](benchmark.svg)

"""
START, END = "<!-- bench: written by `gruvy bench --write`, do not edit -->", "<!-- bench: end -->"


def base(cell: dict[str, Any]) -> str:
    """Whom the others are measured against: the first of a cell, gruvy, or who it was alone."""
    return str(cell["timed"][0]["name"])


def names(cells: Iterable[dict[str, Any]]) -> list[str]:
    """Contestants beside the first, in the order they came."""
    return list(dict.fromkeys(t["name"] for cell in cells for t in cell["timed"] if t["name"] != base(cell)))


def seconds(cell: dict[str, Any], name: str) -> list[float] | None:
    """The rounds of one contestant in one cell, or None where it was not timed."""
    for timed in cell["timed"]:
        if timed["name"] == name and timed["seconds"]:
            return list(timed["seconds"])
    return None


def cell_ratio(cell: dict[str, Any], name: str) -> tuple[float, float, float] | None:
    """Their time over the first's with quartiles, or None where one of the two was not timed."""
    theirs, ours = seconds(cell, name), seconds(cell, base(cell))
    return ratio(theirs, ours) if theirs and ours else None


def share(cell: dict[str, Any]) -> float | None:
    """The products' share of the machine's measured peak, by our median time."""
    ours, peak = seconds(cell, base(cell)), cell.get("peak")
    return cell["operations"] / statistics.median(ours) / peak if ours and peak and cell.get("operations") else None


def geometric_mean(values: Sequence[float]) -> float:
    """exp of the mean of logarithms."""
    return math.exp(statistics.fmean(math.log(v) for v in values))


def tables(results: dict[str, Any]) -> str:
    """Every cell as Markdown: a table for each mode and number of threads, medians with quartiles."""
    text = [machine(results), ""]
    for (mode, threads), cells in groups(results).items():
        text += [f"### {TITLES[mode]}, {plural(threads)}", ""]
        columns = names(cells)
        shares = any(share(cell) for cell in cells)
        text.append("| T, B, I, H | " + " | ".join(columns) + (" | share of FMA peak |" if shares else " |"))
        text.append("| --- |" + " --- |" * (len(columns) + shares))
        for cell in cells:
            row = [cell["shape"]]
            for name in columns:
                found = cell_ratio(cell, name)
                row.append("–" if found is None else "{1:.2f} ({0:.2f}–{2:.2f})".format(*found))
            if shares:
                row.append("–" if (part := share(cell)) is None else f"{part:.2f}")
            text.append("| " + " | ".join(row) + " |")
        text += ["| **geometric mean** | " + " | ".join(means(cells, columns)) + (" | |" if shares else " |"), ""]
    text += [f"- {line}" for line in absent(results)]
    return "\n".join(text).rstrip() + "\n"


def means(cells: list[dict[str, Any]], columns: list[str]) -> list[str]:
    """Geometric means of the medians, by contestant."""
    found = [medians(cells, name) for name in columns]
    return [f"**{geometric_mean(of):.2f}**" if of else "–" for of in found]


def medians(cells: Iterable[dict[str, Any]], name: str) -> list[float]:
    """One contestant's medians, of the cells where it was timed."""
    return [found[1] for cell in cells if (found := cell_ratio(cell, name))]


def summary(results: dict[str, Any]) -> str:
    """The README's table: geometric mean and worst shape of each contestant, by mode, at the most threads measured."""
    most = max(cell["threads"] for cell in results["cells"])
    grouped = {
        (mode, threads): cells
        for (mode, threads), cells in groups(results).items()
        if mode not in ("variants", "together") and threads == most
    }
    columns = list(grouped)
    lines = [
        "| time relative to gruvy (higher: gruvy is faster) | "
        + " | ".join(f"{TITLES[m].lower()}, {plural(t)}" for m, t in columns)
        + " |",
        "| --- |" + " --- |" * len(columns),
    ]
    for name in names(results["cells"]):
        found = [medians(grouped[key], name) for key in columns]
        if any(found):
            row = [f"{geometric_mean(of):.1f} (worst {min(of):.2f})" if of else "–" for of in found]
            lines.append(f"| {name} | {' | '.join(row)} |")
    return "\n".join([*lines, "", machine(results)])


def groups(results: dict[str, Any]) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """Cells by (mode, threads)."""
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for cell in results["cells"]:
        found.setdefault((cell["mode"], cell["threads"]), []).append(cell)
    return found


def plural(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def machine(results: dict[str, Any]) -> str:
    """One line: the machine and the versions."""
    m = dict(results["machine"])
    head = f"{m.pop('processor')}; {m.pop('system')}; Python {m.pop('python')}"
    versions = ", ".join(f"{name} {version}" for name, version in m.items())
    return (
        f"{head}; {versions}. Time relative to gruvy: the median of interleaved rounds in one process; "
        "above 1, gruvy is faster."
    )


def absent(results: dict[str, Any]) -> list[str]:
    """Who did not compete, and why."""
    return list(
        dict.fromkeys(f"{t['name']}: {t['absent']}" for c in results["cells"] for t in c["timed"] if t["absent"])
    )


def write_readme(path: Path, text: str) -> None:
    """Replace what lies between the two marks of a page.

    Raises:
        InputError: the page has no such marks.
    """
    page = path.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(START) + ".*?" + re.escape(END), re.DOTALL)
    if not pattern.search(page):
        raise InputError(f"{path}: no place for the table; expected the two lines {START} and {END}")
    files.write(path, pattern.sub(lambda _: f"{START}\n{text}\n{END}", page))


def page(results: dict[str, Any]) -> str:
    """The page of the benchmark: how to read it, the figures, and every table."""
    return PAGE + tables(results)


def speed(results: dict[str, Any]) -> str:
    """The README's figure."""
    return bars(overall(results), conditions(results))


def conditions(results: dict[str, Any]) -> str:
    """What the README's figure is of, in one line."""
    threads = max(t for m, t in groups(results) if m == "train")
    count = len(groups(results)["train", threads])
    return f"forward and backward, float32; mean of {count} sizes; {results['machine']['processor']}, {plural(threads)}"


def overall(results: dict[str, Any], mode: str = "train") -> dict[str, float]:
    """Time relative to gruvy by contestant: the geometric mean over the shapes, at the most threads measured."""
    threads = max(t for m, t in groups(results) if m == mode)
    cells = groups(results)[mode, threads]
    found = {name: medians(cells, name) for name in names(cells)}
    return {name: geometric_mean(ratios) for name, ratios in found.items() if ratios}


def bars(times: dict[str, float], conditions: str) -> str:
    """Training for newcomers, as SVG: a bar for each contestant, named "torch.nn.GRU takes 4.0 times as long".

    Args:
        times: time relative to gruvy, by contestant, as `overall` gives it; gruvy's own variants are left out.
        conditions: small print.
    """
    shown = {n: round(v, 1) for n, v in sorted(times.items(), key=lambda item: item[1]) if not n.startswith("gruvy")}
    rows = {"gruvy": 1.0} | {f"{name} takes {value:.1f} times as long": value for name, value in shown.items()}
    left, top, step, width = 350, 62, 30, 390
    unit = width / max(rows.values())
    heading = "Time to train a recurrent layer on a CPU (shorter is faster)"
    height = top + step * len(rows) + 8
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 20} {height}" role="img" '
        f'aria-label="{html.escape("; ".join([heading, *rows]))}" font-family="system-ui, sans-serif" font-size="14">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="16" y="26" font-size="16" font-weight="600" fill="#1a1a1a">{html.escape(heading)}</text>',
        f'<text x="16" y="46" font-size="12" fill="#555">{html.escape(conditions)}</text>',
    ]
    for k, (name, value) in enumerate(rows.items()):
        y, colour = top + step * k, "#D55E00" if name == "gruvy" else "#7A8FA6"
        out.append(f'<text x="{left - 12}" y="{y + 16}" text-anchor="end" fill="#1a1a1a">{html.escape(name)}</text>')
        out.append(f'<rect x="{left}" y="{y}" width="{value * unit:.1f}" height="22" fill="{colour}"/>')
    return "\n".join([*out, "</svg>"])


def figure(results: dict[str, Any], mode: str = "train") -> str:
    """A bar for each shape and contestant as SVG: time relative to gruvy on a logarithmic scale."""
    from jinja2 import Environment

    threads = max(t for m, t in groups(results) if m == mode)
    cells = groups(results)[mode, threads]
    shown = [n for n in ("torch.nn.GRU", "torch.nn.LSTM", "oneDNN lbr_gru", "JAX scan") if n in names(cells)]
    colours = dict(zip(shown, ("#0072B2", "#E69F00", "#009E73", "#CC79A7"), strict=False))
    values = [value for name in shown for value in medians(cells, name)]
    low, high = min(0.5, *values), max(values) * 1.1
    what = "time relative to gruvy (higher: gruvy is faster)"
    source = Path(__file__).with_name("figure.svg").read_text(encoding="utf-8")
    given: dict[str, Any] = {
        "title": f"{TITLES[mode]}: {what}, {plural(threads)}, float32",
        "colours": colours,
    }
    given |= {"cells": cells, "ratio": cell_ratio, "height": 90 + len(cells) * (11 * len(shown) + 10)}
    given |= {"ticks": [tick for tick in (0.5, 1, 2, 5, 10, 20, 50) if low <= tick <= high]}

    def place(value: float) -> float:
        return 150 + 560 * math.log(value / low) / math.log(high / low)

    return Environment(autoescape=True).from_string(source).render(given, place=place)
