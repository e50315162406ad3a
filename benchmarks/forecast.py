"""How good `GRUForecaster` is on real series, beside last value, seasonal last value and drift.

    python benchmarks/forecast.py [--seeds 5] [--write]

The last fifth of each series, or two horizons if that is more, is the test part. A forecaster with its default settings
is trained once on what lies before; forecasts then start after every step of the test part that leaves a whole horizon.
With --write the table goes into docs/forecasting.md.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gruvy import GRUForecaster, files
from gruvy.forecast import Backtest
from gruvy.forecast.measure import BASELINES, wilson

PAGE = Path(__file__).parent.parent / "docs" / "forecasting.md"
START, END = "<!-- written by benchmarks/forecast.py -->", "<!-- end -->"


class Real(NamedTuple):
    """A set: what it is, its series, the steps of a season and of the horizon."""

    name: str
    series: list[Any]
    season: int
    horizon: int


def real_sets() -> list[Real]:
    """Six sets that lie in the wheels of aeon and statsmodels."""
    from aeon import datasets
    from statsmodels.datasets import co2, sunspots

    spots = sunspots.load_pandas().data["SUNACTIVITY"]
    weekly = co2.load_pandas().data["co2"]
    monthly = weekly.resample("MS").mean().interpolate()  # five months have no value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            Real("Airline, monthly", [datasets.load_airline()], 12, 12),
            Real("Lynx, yearly", [datasets.load_lynx()], 10, 10),
            Real("Uschange, quarterly", list(datasets.load_uschange()), 4, 8),
            Real("solar, half-hourly", [datasets.load_solar()], 48, 24),
            Real("sunspots, yearly", [spots.to_numpy()], 11, 11),
            Real("co2, monthly", [monthly.to_numpy()], 12, 12),
        ]


def tried(real: Real, strategy: str, seed: int) -> Backtest:
    """One forecaster on the test part."""
    T = len(real.series[0])
    held = max(T // 5, 2 * real.horizon)
    forecaster = GRUForecaster(real.horizon, season=real.season, strategy=strategy, random_state=seed)
    return forecaster.backtest(real.series, origins=held - real.horizon + 1)


def table(seeds: int) -> str:
    """The page's table and what stands under it."""
    head = ["set", "steps", "season", "horizon", "direct", "recursive", *BASELINES, "80 % interval held", "beats each"]
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    inside, forecasts, numbers, started = 0.0, 0, 0, time.process_time()
    for real in real_sets():
        runs = {how: [tried(real, how, seed) for seed in range(seeds)] for how in ("direct", "recursive")}
        mase = {how: [run.mase["gruvy"] for run in found] for how, found in runs.items()}
        simple = {name: runs["direct"][0].mase[name] for name in BASELINES}
        mean = statistics.mean(mase["direct"])
        held = np.mean([run.coverage.share for run in runs["direct"]])
        size = runs["direct"][0].inside.size
        inside, forecasts = inside + float(held) * size, forecasts + size
        numbers += runs["direct"][0].numbers
        worse = [name for name in BASELINES if mean >= simple[name]]
        lines.append(
            f"| {real.name} | {len(real.series)} × {len(real.series[0])} | {real.season} | {real.horizon} "
            + "".join(f"| {statistics.mean(m):.2f} ({min(m):.2f} to {max(m):.2f}) " for m in mase.values())
            + "".join(f"| {simple[name]:.2f} " for name in BASELINES)
            + f"| {100 * held:.0f} % of {size:,} | {'yes' if not worse else 'not ' + ', '.join(worse)} |"
        )
        print(lines[-1], flush=True)
    share, lower, upper = wilson(inside / forecasts, numbers)
    lines += [
        "",
        f"Pooled over all series and origins the 80 % interval of the direct strategy held {100 * share:.1f} % of "
        f"{forecasts:,} forecasts",
        f"of {numbers:,} numbers (binomial interval {100 * lower:.1f} to {100 * upper:.1f} %: each number counts once "
        "in it, from however many origins it was forecast).",
        f"Mean of {seeds} seeds, with the lowest and the highest; {time.process_time() - started:.0f} seconds of one "
        "core in all.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    found = table(given.seeds)
    print(found)
    if given.write:
        before, rest = PAGE.read_text(encoding="utf-8").split(START)
        files.write(PAGE, f"{before}{START}\n{found}\n{END}{rest.split(END)[1]}".encode())


if __name__ == "__main__":
    main()
