"""`gruvy bench`: how fast gruvy is on this machine, beside everybody else who computes the same."""

from __future__ import annotations

from json import dump
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gruvy import files
from gruvy.checks import positive
from gruvy.cli.app import Json, app, document, example, say
from gruvy.cli.reading import comma
from gruvy.cli.writing import check_outputs
from gruvy.errors import InputError

if TYPE_CHECKING:
    from gruvy.bench.problem import Shape

README, PAGE = Path("README.md"), Path("docs/benchmark.md")
FIGURE, BARS = Path("docs/benchmark.svg"), Path("docs/speed.svg")


@app.command(
    epilog=example(
        "gruvy bench",
        "gruvy bench --shape 100,32,128,128 --modes train --threads 1 --only torch.nn.GRU",
    )
)
def bench(
    threads: Annotated[str, typer.Option(help="Numbers of threads, joined by commas.")] = "2,1",
    modes: Annotated[str, typer.Option(help="Some of the modes, joined by commas.")] = (
        "train,infer,deploy,step,variants,together"
    ),
    shape: Annotated[
        list[str] | None, typer.Option(help="Steps, batch, input units, hidden units; may come again; else ten shapes.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Name of one of the others; may come again; else all.")] = None,
    budget: Annotated[float, typer.Option(help="Seconds for each of them on each shape.")] = 1.0,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Every round's seconds, as JSON.")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Also write README.md's table, and docs/, in the folder where it runs.")
    ] = False,
    json: Json = False,
) -> None:
    """Time gruvy's GRU against torch's and others on this machine, after checking that all compute the same.

    A number is the time relative to gruvy: above 1, gruvy is faster. Keep the machine idle meanwhile.
    """
    positive("--budget", budget)
    check_outputs([*(("--write", path) for path in (README, PAGE, FIGURE, BARS) if write), ("--output", output)])
    from gruvy.bench import report, run
    from gruvy.bench.problem import GRID

    shapes = [_shape(text) for text in shape] if shape else GRID
    counts = [_whole(text, "--threads", threads) for text in comma(threads) or []]
    if write and report.START not in README.read_text(encoding="utf-8"):
        raise InputError(f"--write: {README} has no place for the table; expected a line {report.START}")
    found = run(counts, comma(modes) or [], shapes, only, budget, say)
    if output is not None:
        with files.whole_file(output, text=True) as file:
            dump(found, file, indent=1)
    if json:
        document(found)
    else:
        typer.echo(report.tables(found))
    if write:
        report.write_readme(README, report.summary(found))
        files.write(PAGE, report.page(found))
        files.write(FIGURE, report.figure(found))
        files.write(BARS, report.speed(found))
        say(f"written: {README}, {PAGE}, {FIGURE}, {BARS}")


def _shape(text: str) -> Shape:
    from gruvy.bench.problem import Shape

    sizes = [_whole(part, "--shape", text) for part in text.split(",")]
    if len(sizes) != 4:
        raise InputError(f"--shape {text}: expected four numbers, as in 100,32,128,128")
    return Shape(*sizes)


def _whole(part: str, option: str, text: str) -> int:
    if not part.strip().isdigit() or int(part) < 1:
        raise InputError(f"{option} {text}: expected whole numbers of at least 1, joined by commas")
    return int(part)
