"""What a forecast is judged by, against numbers worked out by hand; and intervals of a process of known quantiles."""

from __future__ import annotations

import numpy as np
import pytest

import gruvy
from compare import assert_close
from gruvy.errors import DataError
from gruvy.forecast import predictor
from gruvy.forecast.measure import baseline, seasonal_error, wilson


def test_mase_is_the_formula_of_hyndman_and_koehler():
    # training part 1 3 2 5, season 2: |2 - 1| and |5 - 3|, mean 1.5; without a season 2, 1 and 3, mean 2
    history = np.array([[1.0], [3.0], [2.0], [5.0]])
    assert_close(seasonal_error(history, 2), np.array([1.5]), "exact")
    assert_close(seasonal_error(history, None), np.array([2.0]), "exact")


def test_baselines_by_hand():
    history = np.array([[1.0], [3.0], [2.0], [7.0]])
    assert baseline("last value", history, 3, 2)[:, 0].tolist() == [7, 7, 7]
    assert baseline("seasonal last value", history, 3, 2)[:, 0].tolist() == [2, 7, 2]
    assert baseline("drift", history, 3, 2)[:, 0].tolist() == [9, 11, 13]


def test_the_interval_of_a_share_is_that_of_statsmodels():
    proportion = pytest.importorskip("statsmodels.stats.proportion", reason="statsmodels is not installed")
    for hits, trials in ((8, 10), (0, 5), (790, 1000)):
        expected = proportion.proportion_confint(hits, trials, 0.05, "wilson")
        assert_close(np.array(wilson(hits / trials, trials)[1:]), np.array(expected), "same")


def test_the_pinball_loss_by_hand():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from gruvy.model.quantiles import Quantiles
    from gruvy.network.output import Output
    from gruvy.training.losses import losses

    task = Quantiles(np.zeros(2), np.ones(2), np.array([0.1, 0.5, 0.9]))
    raw = torch.tensor([[0.0, 1.0, 2.0, 4.0, 5.0, 6.0]], dtype=torch.float64)
    found = losses(task, Output(raw, raw, raw, raw), torch.tensor([[3.0, 4.5]], dtype=torch.float64))
    # above 0, 1 and 2 by 3, 2 and 1; above 4 by .5, below 5 and 6 by .5 and 1.5
    expected = (0.1 * 3 + 0.5 * 2 + 0.9 * 1 + 0.1 * 0.5 + 0.5 * 0.5 + 0.1 * 1.5) / 6
    assert_close(found, np.array([expected]), "equation")


def test_margins_are_the_order_statistic():
    scores = np.arange(1.0, 10.0)[:, None, None]  # 9 scores: the ceil(10 * .8) = 8th smallest is 8
    assert predictor.margins(scores, 0.8).tolist() == [[8.0]]
    assert predictor.margins(scores[:4], 0.8).tolist() == [[4.0]]
    assert predictor.margins(scores, 0.5).tolist() == [[5.0]]


def test_a_backtest_by_hand():
    y = np.array([1.0, 2, 4, 3, 5, 7, 6, 8, 9, 11, 10, 12, 14, 13, 15, 17, 16, 18, 20, 19, 21, 23, 22, 24])
    f = gruvy.GRUForecaster(2, season=3, context=2, scaling="last", log=False, hidden_units=2, max_epochs=1)
    found = f.backtest(y, origins=3, horizon=2)
    assert found.origins.tolist() == [[20, 21, 22]]
    assert found.actual[0, :, :, 0].tolist() == [[21, 23], [23, 22], [22, 24]]
    Q = np.mean([abs(y[t] - y[t - 3]) for t in range(3, 20)])
    last = np.mean([abs(21 - 19), abs(23 - 19), abs(23 - 21), abs(22 - 21), abs(22 - 23), abs(24 - 23)])
    seasonal = np.mean([abs(21 - 18), abs(23 - 20), abs(23 - 20), abs(22 - 19), abs(22 - 19), abs(24 - 21)])
    assert_close(np.array([found.mase["last value"]]), np.array([last / Q]), "same")
    assert_close(np.array([found.mase["seasonal last value"]]), np.array([seasonal / Q]), "same")
    text = str(found)
    for name in ("gruvy", "last value", "seasonal last value", "drift"):
        assert any(line.startswith(f"{name} ") for line in text.splitlines())
    assert "1 series, 3 origins, 2 steps; the 80 % interval held" in text
    assert found.numbers == 4  # the last four of the series, some from two origins
    assert not hasattr(f, "model_")  # the forecaster itself stays as it is


def test_forecasts_of_a_backtest_see_nothing_of_what_comes():
    rng = np.random.default_rng(0)
    y = rng.normal(size=60).cumsum()
    f = gruvy.GRUForecaster(3, hidden_units=3, max_epochs=2, context=4, random_state=0)
    found = f.backtest(y, origins=4)
    changed = y.copy()
    changed[-4:] += 100  # after the third origin
    other = f.backtest(changed, origins=4)
    assert_close(other.median[:, :2], found.median[:, :2], "exact")
    assert (other.median[:, 3] != found.median[:, 3]).all()
    anew = f.backtest(y, origins=4, refit=True)
    assert_close(anew.median[:, 0], found.median[:, 0], "exact")
    assert (anew.median[:, -1] != found.median[:, -1]).all()


def generated(N, T, seed):
    """A process whose quantiles are known: y = .8 y before + noise that is three times as loud in every other step."""
    rng = np.random.default_rng(seed)
    y = np.zeros((N, 40 + T))
    for t in range(1, 40 + T):
        y[:, t] = 0.8 * y[:, t - 1] + (3.0 if t % 2 else 1.0) * rng.normal(size=N)
    return y[:, 40:]


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_intervals_of_a_process_of_known_quantiles(strategy):
    given = {"context": 8, "scaling": "mean", "log": False, "calibration": 0.1, "max_epochs": 3, "batch_size": 256}
    f = gruvy.GRUForecaster(3, strategy=strategy, random_state=0, **given)
    f.fit(list(generated(200, 200, 1)))
    y = generated(10_000, 204, 2)
    y[::2, :-1] = y[::2, 1:]  # every other window begins in a loud step
    y = y[:, :203]

    def held():
        said = f.predict(list(y[:, :200]))
        return float(((said.lower <= y[:, 200:]) & (y[:, 200:] <= said.upper)).mean())

    assert 0.78 <= held() <= 0.82, held()
    f.margins_ = f.margins_ - 0.2  # a planted fault: margins of something else
    assert held() < 0.78


def test_mase_leaves_out_what_does_not_change():
    y = [np.arange(30.0), np.tile([1.0, 2.0], 15)]
    f = gruvy.GRUForecaster(2, season=2, context=2, scaling="last", log=False, hidden_units=2, max_epochs=1)
    found = f.backtest(y, origins=1)
    # the first grows by 1 a step: last value is off by 1 and 2, and the change of a season is 2
    assert found.mase["last value"] == 0.75
    assert "MASE leaves out 1 series that did not change from season to season in training" in str(found)
    assert np.isnan(f.backtest(y[1], origins=1).mase["gruvy"])
    with pytest.raises(DataError, match=r"^series has 2 steps before the first origin; expected more than a season, 2"):
        seasonal_error(np.ones((2, 1)), 2)
