"""`gruvy train --task forecast` and `gruvy forecast`: the steps to come of series in a file."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from gruvy.cli import options, reading
from gruvy.cli.app import Json, app, document, example, out, say
from gruvy.cli.options import typed
from gruvy.cli.writing import Spreadsheet, check_outputs, history_beside, number, write_csv
from gruvy.data.collection import plural, some, span
from gruvy.data.text_files import STDIN
from gruvy.errors import InputError

if TYPE_CHECKING:
    from gruvy.forecast import Backtest, Forecast, GRUForecaster, Panel

PANEL = "Forecasts (--task forecast)"


def _of_forecasts(flag: str, help: str) -> Any:
    return typer.Option(flag, help=help, rich_help_panel=PANEL)


Horizon = Annotated[int | None, _of_forecasts("--horizon", "Steps to forecast.")]
Season = Annotated[int | None, _of_forecasts("--season", "Steps after which a series repeats itself: 12 for months.")]
KnownAhead = Annotated[
    str | None, _of_forecasts("--known-ahead", "Columns known for the steps to come too, joined by commas.")
]

OURS = ("horizon", "season", "known_ahead")
SHARED = (
    "data", "target", "id", "time", "features", "task", "model", "history",
    "hidden_units", "layers", "convention", "dropout", "max_epochs", "batch_size", "learning_rate", "seed", "device",
    "json",
)  # fmt: skip
NETWORK = ("hidden_units", "layers", "convention", "dropout", "max_epochs", "batch_size", "learning_rate", "device")


def refuse(context: typer.Context) -> None:
    """Options of forecasts have no meaning for other tasks.

    Raises:
        InputError: one was typed.
    """
    options.refuse(context, OURS, "forecast")


def train(context: typer.Context) -> None:
    """Train a forecaster, judge it at origins of the past, and save one that has seen all.

    Raises:
        InputError: an option has no meaning here, or one is missing.
    """
    given, every = typed(context), context.params
    options.allow(context, (*SHARED, *OURS), "forecast")
    data, model = every["data"], every["model"]
    history = every["history"] or history_beside(model)
    check_outputs([("--model", model), ("--history", history)], {"the data": data})
    if every["target"] is None:
        raise InputError("--task forecast: name the column to forecast with --target")
    if every["horizon"] is None:
        raise InputError("--task forecast: say how many steps to forecast with --horizon")
    layout = reading.Layout(id=every["id"], time=every["time"])
    columns = {"past": reading.comma(every["features"]) or [], "known": reading.comma(every["known_ahead"]) or []}
    found = _read(data, layout, target=reading.comma(every["target"]) or [], **columns)
    page = out(every["json"])
    page.print(
        f"{reading.called(data)}: {_summary(found)}", *(f"  {note}." for note in found.notes), sep="\n", markup=False
    )
    from gruvy.forecast import GRUForecaster

    settings = {name: value for name, value in given.items() if name in NETWORK}
    forecaster = GRUForecaster(every["horizon"], season=every["season"], random_state=every["seed"], **settings)
    forecaster.progress = "judging"
    held, tried = _judge(forecaster, found)
    page.print(f"\nJudged on the last {plural(held, 'step')}, trained on those before:\n{tried}\n", markup=False)
    forecaster.progress = "training"
    forecaster.fit(found)
    forecaster.save(model, layout={**dict.fromkeys(reading.BASIC), **reading.DEFAULTS, **layout.typed})
    assert forecaster.history_ is not None
    forecaster.history_.write_csv(history)
    stopped = forecaster.history_.stopped
    words = f"gruvy forecast {shlex.quote(str(model))} {shlex.quote(data)} -o forecast.csv"
    if every["json"]:
        document(
            {
                "data": data,
                "task": "forecast",
                "series": len(found),
                "test": {
                    "steps": held,
                    "mase": tried.mase,
                    "level": tried.level,
                    "coverage": tried.coverage.share,
                    "interval": tried.coverage[1:],
                    "beats": tried.beats,
                },
                "epochs": len(forecaster.history_.rows),
                "stopped": stopped,
                "model": model,
                "history": history,
                "next": words,
            }
        )
    else:
        page.print(f"model    {model}, trained on all steps\nhistory  {history}", markup=False)
        page.print(f"\nNext:\n  {words}", markup=False)
    if stopped == "interrupted":
        say("gruvy: stopped; what was learnt so far is saved")
        raise typer.Exit(1)


def _judge(forecaster: GRUForecaster, found: Panel) -> tuple[int, Backtest]:
    """How good forecasts of the last fifth would have been, and how many steps that is."""
    held = max(min(found.lengths) // 5, forecaster.horizon)
    origins = held - forecaster.horizon + 1
    stride = -(-origins // 50)  # more would say little more, and take long
    return held, forecaster.backtest(found, origins=-(-origins // stride), stride=stride)


def _summary(found: Panel) -> str:
    """What the series are, in a line."""
    told = [f"{len(found):,} series of {span(np.array(found.lengths))}", f"target {some(found.names['targets'], 6)}"]
    told += [f"{words} {some(found.names[part], 6)}" for part, words in _BESIDE.items() if found.names[part]]
    return "; ".join(told)


_BESIDE = {"past": "known up to now", "known": "known ahead"}


def _read(data: str, layout: reading.Layout, **columns: Any) -> Panel:
    from gruvy.data.table_files import TABLES
    from gruvy.errors import DataError
    from gruvy.forecast import panel

    path = Path(data)
    if data != STDIN and not (path.is_file() and path.name.lower().endswith(TABLES)):
        raise DataError(f"{data}: expected a file of series to forecast from, {', '.join(TABLES)}")
    return panel(data, id=layout.id, time=layout.time, **columns)


@app.command(
    epilog=example(
        "gruvy forecast model.safetensors sales.csv",
        "gruvy forecast model.safetensors sales.csv --horizon 6 -o forecast.csv",
    )
)
def forecast(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="What `gruvy train --task forecast` wrote.")],
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A file (.csv, .tsv, also as .gz; .parquet), - for standard input; one row per step."
        ),
    ],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The CSV file; else stdout.")] = None,
    horizon: Annotated[int | None, typer.Option(help="Steps to forecast; else as many as in training.")] = None,
    id: reading.Id = None,
    time: reading.Time = None,
    spreadsheet: Spreadsheet = False,
    json: Json = False,
) -> None:
    """Say what comes after the last step of each series, as CSV: the median and an interval for each step.

    Columns known ahead need rows for the steps to come too, in which the target is left empty. The columns are those
    of training, unless options say otherwise. With --json the forecasts are in the document, or in the CSV file where
    --output names one. Needs no torch.
    """
    check_outputs([("--output", output)], {"the data": data, "the model": model})
    from gruvy.forecast import GRUForecaster

    forecaster = GRUForecaster.load(model)
    names, kept = dict(forecaster.model_.columns), forecaster.model_.layout or {}
    if not names:
        raise InputError(f"{model} was trained on arrays: its file does not say which columns to read")
    layout = reading.Layout(id=id or kept.get("id"), time=time or kept.get("time"))
    found = _read(data, layout, target=names.pop("targets"), **names)
    said = forecaster.predict(found, horizon=horizon)
    header, rows = _header(found, said), _rows(found, said)
    told = {"model": model, "data": data, "series": len(found), "level": said.level, "output": output}
    if json and output is None:
        document({**told, "forecasts": [_object(header, row) for row in rows]})
        return
    write_csv(output, header, rows, spreadsheet=spreadsheet)
    if json:
        document(told)
    elif output is not None:
        steps = plural(said.median.shape[1], "step")
        say(f"{steps} of {len(found):,} series forecast in {output}, with intervals that hold {100 * said.level:g} %")


def _header(found: Panel, said: Forecast) -> list[str]:
    answers = [f"{name}{end}" for name in found.names["targets"] for end in ("", "_lower", "_upper")]
    return ["id", "step", *(["time"] if said.times is not None else []), *answers]


def _rows(found: Panel, said: Forecast) -> Iterator[list[Any]]:
    shape = (len(found), said.median.shape[1], -1)
    each = np.stack([a.reshape(shape) for a in (said.median, said.lower, said.upper)], axis=-1)  # (N, h, C, 3)
    for i, name in enumerate(found.ids):
        for k, answer in enumerate(each[i]):
            when = [] if said.times is None else [_time(said.times[i][k])]
            yield [name, k + 1, *when, *map(number, answer.ravel())]


def _object(header: list[str], row: list[Any]) -> dict[str, Any]:
    """A row with the names of its columns; the answers as numbers."""
    start = 3 if header[2] == "time" else 2
    return dict(zip(header, [*row[:start], *map(float, row[start:])], strict=True))


def _time(when: Any) -> str:
    """A date without a time of day where that is midnight; a number as it is."""
    return str(when).removesuffix("T00:00:00") if isinstance(when, np.datetime64) else number(float(when))
