"""What a forecaster takes and refuses: series, times, frames; every text exactly."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

import gruvy
from compare import assert_apart, assert_close
from gruvy.errors import DataError, InputError, ModelFileError
from gruvy.forecast import panel
from gruvy.forecast.calendar import clock_of

pl = pytest.importorskip("polars", reason="polars is not installed")


def series(T=40, seed=0):
    return np.random.default_rng(seed).normal(size=T).cumsum() + 30


def forecaster(**settings):
    given = {"hidden_units": 3, "max_epochs": 1, "context": 4, "scaling": "last", "log": False, "random_state": 0}
    return gruvy.GRUForecaster(3, **{**given, **settings})


@pytest.fixture(scope="module")
def fitted():
    return forecaster().fit(series())


def refuses(text, call, *given, **more):
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        call(*given, **more)


def holed():
    y = series()
    y[5] = np.nan
    return y


@pytest.mark.parametrize(
    ("y", "more", "text"),
    [
        (series(14), {}, "series[0] has 14 steps, too few to train and to calibrate on; expected at least 15"),
        (holed(), {}, "series[0] holds NaN at step 5, feature 0; every value must be finite"),
        ([series(), np.zeros((40, 2))], {}, "series[1] has 2 channels, series[0] has 1; expected the same in all"),
        (np.zeros((2, 3, 4)), {}, "series has shape (2, 3, 4); expected (steps,) or (steps, channels)"),
        (series(), {"past": np.zeros(39)}, "past[0] has 39 steps, series[0] has 40; expected as many"),
        (series(), {"known": np.zeros(39)}, "known[0] has 39 steps, series[0] has 40; expected at least as many"),
        ([series()], {"known": [np.zeros(40)] * 2}, "known has 2 arrays, series has 1; expected one for each"),
        (
            series(),
            {"times": np.r_[0:39, 50]},
            "times[0]: step 39, 50, comes at another distance than the first two; expected equal distances in order "
            "of time",
        ),
    ],
)
def test_series_that_do_not_suit(y, more, text):
    refuses(text, forecaster().fit, y, **more)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"strategy": "both"}, 'strategy=\'both\': expected "direct" or "recursive"'),
        ({"scaling": "season"}, 'scaling="season": without a season; expected season= too, as 12 for months'),
        ({"scaling": "x"}, 'scaling=\'x\': expected "auto", "mean", "last" or "season"'),
        ({"season": 1}, "season=1: expected a whole number of at least 2"),
        ({"level": 1.0}, "level=1.0: expected a number from 0 to below 1"),
        ({"calendar": "auto"}, "calendar='auto': without times; expected times= too, or calendar=None"),
        ({"calendar": ["year"]}, "calendar=['year']: expected None, \"auto\" or some of month, weekday, hour"),
    ],
)
def test_settings_that_do_not_suit(settings, text):
    refuses(text, forecaster(**settings).fit, series())


def test_logarithms_of_what_has_none():
    y = series()
    y[7] = -1
    text = "series holds -1 at step 7, feature 0; the model takes logarithms (log=True): expected numbers above 0"
    refuses(text.replace("series", "series[0]"), forecaster(log=True).fit, y)


def test_past_only_columns_are_not_fed_back():
    text = (
        'past: columns known up to now only cannot be fed back with strategy="recursive"; expected None, such columns '
        "as further channels of series, or the direct strategy"
    )
    refuses(text, forecaster(strategy="recursive").fit, series(), past=series())


def test_what_predict_refuses(fitted):
    refuses("horizon=4: longer than trained; expected at most 3", fitted.predict, horizon=4)
    refuses("series[0] has 4 steps, too few to forecast from; expected at least 5", fitted.predict, series(4))
    refuses("series: 2 channels; the forecaster was trained on 1", fitted.predict, np.zeros((40, 2)))
    refuses("this GRUForecaster is not fitted yet: call fit first", forecaster().predict, series())
    known = forecaster().fit(series(), known=series(40, 1))
    refuses("known: 0 channels; the forecaster was trained on 1", known.predict, series())
    text = "known: series[0] has the values of 2 steps to come; expected 3"
    refuses(text, known.predict, series(), known=series(42, 1))
    assert known.predict(series(), known=series(43, 1)).median.shape == (3,)


def test_a_shorter_horizon_is_the_begin_of_the_longer(fitted):
    assert_close(fitted.predict(horizon=2).median, fitted.predict().median[:2], "exact")


def test_past_only_columns_count():
    y, other = series(), series(40, 1)
    f = forecaster().fit(y, past=other)
    changed = other.copy()
    changed[-1] += 5
    assert_apart(f.predict(y, past=changed).median, f.predict(y, past=other).median, "same")


def test_a_file_of_something_else(tmp_path, fitted):
    fitted.save(tmp_path / "f.safetensors")
    with pytest.raises(ModelFileError, match=r"holds a GRUForecaster; GRUForecaster.load reads it$"):
        gruvy.GRURegressor.load(tmp_path / "f.safetensors")
    gruvy.GRU(1, 2, 1).save(tmp_path / "net.safetensors")
    with pytest.raises(ModelFileError, match=r"holds a network, no GRUForecaster$"):
        gruvy.GRUForecaster.load(tmp_path / "net.safetensors")
    said = gruvy.load(tmp_path / "f.safetensors")
    assert said.task == "quantiles"


@pytest.mark.parametrize(
    "change",
    [
        {"horizon": 4},
        {"channels": 2},
        {"known": 1},
        {"margins": [[0.0], [0.0], [float("inf")]]},
        {"levels": [0.2, 0.5, 0.8]},
        {"strategy": "recursive"},
    ],
)
def test_a_damaged_plan_is_told(tmp_path, fitted, change):
    path = tmp_path / "f.safetensors"
    fitted.save(path)
    model = gruvy.load(path)
    model.settings["plan"].update(change)
    from gruvy.model import file

    file.write(path, model)
    with pytest.raises(ModelFileError, match=r"damaged: its parts do not fit each other$"):
        gruvy.GRUForecaster.load(path)


def test_forecasts_need_no_torch(tmp_path, fitted):
    fitted.save(tmp_path / "f.safetensors")
    np.save(tmp_path / "y.npy", series())
    script = (
        "import sys; sys.modules['torch'] = sys.modules['sklearn'] = None; import gruvy, numpy as np; "
        f"y = np.load({str(tmp_path / 'y.npy')!r}); "
        f"print(gruvy.GRUForecaster.load({str(tmp_path / 'f.safetensors')!r}).predict(y).median.tolist())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(fitted.predict(series()).median.tolist())


@pytest.mark.parametrize(
    ("times", "features", "after"),
    [
        (np.datetime64("2024-01") + np.arange(4), ["month"], "2024-05-01T00:00:00"),
        (np.array(["2024-01-31", "2024-02-29", "2024-03-31"], "M8[D]"), ["month"], "2024-04-30T00:00:00"),
        (np.datetime64("2024-02-27") + np.arange(3), ["month", "weekday"], "2024-03-01T00:00:00"),
        (np.datetime64("2024-02-27") + 7 * np.arange(3), ["month"], "2024-03-19T00:00:00"),
        (np.datetime64("2024-01-01T22") + np.arange(2), ["month", "weekday", "hour"], "2024-01-02T00:00:00"),
        (np.datetime64("2020") + np.arange(3), [], "2023-01-01T00:00:00"),
        (np.arange(1700, 1704), [], "1704.0"),
    ],
    ids=["months", "month ends", "days", "weeks", "hours", "years", "numbers"],
)
def test_the_calendar_goes_on(times, features, after):
    clock = clock_of(times, len(times))
    assert clock.features() == features
    assert str(clock.times(len(times), 1)[0]) == after
    assert (clock.times(0, len(times)) == times).all()


def test_waves_by_hand():
    clock = clock_of(np.datetime64("2024-01-01T06") + np.arange(2), 2)  # a Monday in January, a quarter of the day
    waves = clock.waves(["month", "weekday", "hour"], 0, 1)[0]
    assert_close(waves, np.array([0.0, 0.0, 1.0, 1.0, 1.0, 0.0]), "difference")


FRAME = {
    "shop": ["b"] * 41 + ["a"] * 41,
    "day": [f"2024-{1 + d // 28:02}-{1 + d % 28:02}" for d in range(41)] * 2,
    "sold": [*range(38), None, None, None, *range(50, 88), None, None, None],
    "open": [int(d % 7 != 6) for d in range(41)] * 2,
}


def test_a_frame(tmp_path):
    frame = pl.DataFrame(FRAME).sample(fraction=1.0, shuffle=True, seed=0)
    given = {"target": "sold", "id": "shop", "time": "day", "known": ["open"]}
    found = panel(frame, **given)
    assert sorted(found.ids) == ["a", "b"]
    i = found.ids.index("a")
    assert found.values[i][:, 0].tolist() == list(range(50, 88))
    assert found.known[i].shape == (41, 1)
    f = forecaster().fit(found)
    said = f.predict(found)
    frame.write_csv(tmp_path / "shops.csv")
    assert_close(f.predict(panel(tmp_path / "shops.csv", **given)).median, said.median, "exact")


@pytest.mark.parametrize(
    ("change", "given", "text"),
    [
        ({"sold": [1.0, None, 3.0]}, {}, "frame, row 1: series 'frame' has no value at step 1, column 'sold'; expected "
         "a number at every step up to the last"),
        ({"day": ["2024-01-01", "2024-01-02", "2024-01-02"]}, {}, "frame, row 2: series 'frame' has two rows of one "
         "time, 2024-01-02; expected one, and the column that tells series apart as id= (--id)"),
        ({"sold": [None, None, None]}, {}, "frame: series 'frame' has no value of sold"),
        ({}, {"known": ["holiday"]}, "frame has no column 'holiday' (known); its columns are day, sold"),
    ],
)  # fmt: skip
def test_frames_that_do_not_suit(change, given, text):
    columns = {"day": ["2024-01-01", "2024-01-02", "2024-01-03"], "sold": [1.0, 2.0, 3.0], **change}
    with pytest.raises(DataError, match=f"^{re.escape(text)}$"):
        panel(pl.DataFrame(columns), target="sold", time="day", **given)


def test_steps_of_unequal_length_are_said():
    frame = pl.DataFrame({"day": ["2024-01-01", "2024-01-02", "2024-01-05"], "sold": [1.0, 2.0, 3.0]})
    found = panel(frame, target="sold", time="day")
    assert found.clocks is None
    assert "step 2, 2024-01-05T00:00:00, comes at another distance than the first two" in found.notes[-1]
