"""Nets and recordings by the thousand on the explorer's page: what is aggregated is said, and every number is right."""

from __future__ import annotations

import re

import numpy as np
import pytest

from compare import assert_close
from explained import NETS, Shown, Truth, assert_numbers, make, order_of, same, shown_unit
from gruvy.inside.explorer import aggregate, explain, payload
from gruvy.inside.trace import trace
from gruvy.model.model import Model
from gruvy.weights import Weights
from small_nets import CONVENTIONS, random_weights, small_model


def test_many_units_and_steps_are_averaged_and_said(browser, tmp_path, monkeypatch):
    monkeypatch.setattr(payload, "MOST_WORK", 1e9)
    rng = np.random.default_rng(22)
    w = random_weights(rng, CONVENTIONS[0], I=1, H=310, size=0.05).astype(np.float32)
    x = rng.normal(size=(1250, 1)).astype(np.float32)
    path = tmp_path / "page.html"
    found = explain(w, [x], path)
    assert found.notes == [
        "Contributions are left out: this net and these sequences are too large for more.",
        "Gradients over lag are left out: this net and these sequences are too large for them.",
        "How long nudges matter is left out: this net and these sequences are too large for it.",
    ]
    shown = Shown(browser, path)
    shown.settled()  # so many products are a worker's
    text = shown.page.inner_text("#aggregated")
    assert "each row of the gates is the mean of 3 units; each column of the gates is the mean of 2 steps" in text
    assert shown.page.inner_text("#notes").split("\n") == found.notes
    shown.slide("step", 1000)
    t = trace(w.astype(np.float64), x[None], engine="reference")
    u = shown_unit(shown)
    seen = dict(shown.numbers())
    for key, a in (("cell.z", t.update), ("cell.out", t.state), ("cell.n", t.candidate)):
        assert same(seen[key], a[0, 0, 999, u])
    shown.close(path)


@pytest.fixture
def aggregated(monkeypatch):
    """Small nets aggregated as large ones are: two units a row, blocks of steps from the seventh step on."""
    monkeypatch.setattr(aggregate, "MOST_WEIGHTS", 0)
    monkeypatch.setattr(aggregate, "MOST_HALVES", 0)
    monkeypatch.setattr(aggregate, "ROWS", 2)
    monkeypatch.setattr(aggregate, "COLUMNS", 6)


def rows_of(shown):
    """Of each layer and direction: the units of each row, and the one that is carried whole."""
    return shown.ask(
        "net.whole.map((units, j) => units.map((unit, row) => [Array.from({length: H}, (_, u) => u)"
        ".filter(u => net.rowOf(j, u) === row), unit]))"
    )


@pytest.mark.parametrize("name", NETS)
def test_every_number_of_an_aggregated_net_is_the_traces(browser, tmp_path, name, aggregated):
    parts, X, y = make(*NETS[name])
    path = tmp_path / "page.html"
    notes = explain(parts, X, path, y).notes
    weights = sum(a.size for _, _, a in parts.weights.arrays()) + parts.V.size
    assert notes == [
        f"This net has {weights:,} weights, more than a page can carry, so it carries what gruvy computed beforehand. "
        "The 4 units of a layer are gathered into 2 rows of 2 units that move alike; the plots and the numbers of a "
        "row are the mean, lowest and highest of its units. Of each row the unit nearest to its mean is carried whole: "
        "the cell, the equations and the playground show such a unit, exactly. Of sequences of more than 6 steps, the "
        "plots of the gates show blocks of steps."
    ]
    truth, shown = Truth(parts, X), Shown(browser, path)
    assert shown.page.inner_text("#made") == "The gates were computed beforehand"
    order, layers = order_of(shown), truth.w.layers * truth.w.directions
    answers = shown.ask("data.sequences.map(s => s.answers.map(a => a.output))")
    rows = rows_of(shown)
    assert [sorted(u for units, _ in row for u in units) for row in rows] == [[0, 1, 2, 3]] * layers
    rng = np.random.default_rng(23)
    for k, i in enumerate(order):
        shown.choose("sequence", k)
        for s in {0, len(X[i]) - 1, int(rng.integers(len(X[i])))}:
            j, asked = int(rng.integers(layers)), int(rng.integers(4))
            shown.stand(layers, j, s, asked)
            units, u = next(row for row in rows[j] if asked in row[0])
            assert shown_unit(shown) == u
            asked = shown.ask("view.asked")  # an earlier one, if this one stood in the field already
            apart = f"unit {asked} moves like this one and is not carried whole; " if u != asked else ""
            assert asked in units
            assert f"of 4; {apart}the nearest to the mean of its row, 2 units" in shown.page.inner_text("#unit-says")
            block = -(-len(X[i]) // 6)
            expected = truth.expected(i, s, j, u, answers[k][0]) | truth.row(i, s, j, units, block)
            if j >= truth.w.directions:  # the input of a higher layer is not carried, and its slider not shown
                assert not shown.page.is_visible("#p-x")
                expected |= {"play.x": 0}
            assert_numbers(shown, expected | truth.units() | truth.scale(j, u), 48)
            if (s // block + 1) * block <= len(X[i]) and block > 1:
                assert "2 units, steps " in shown.page.inner_text(".of-row")
    shown.close(path)


@pytest.mark.parametrize("name", ["tutorial", "before-keeps", "after-adds", "torch"])
def test_the_playground_of_an_aggregated_net_holds_the_other_units(browser, tmp_path, name, aggregated):
    parts, X, y = make(*NETS[name])
    path = tmp_path / "page.html"
    explain(parts, X, path, y)
    truth, shown = Truth(parts, X), Shown(browser, path)
    assert "The other units stay as they were." in shown.page.inner_text("section:has(#p-x) .hint")
    i, s = order_of(shown)[0], int(shown.page.input_value("#step")) - 1
    for j in range(truth.w.layers * truth.w.directions):
        if truth.w.layers * truth.w.directions > 1:
            shown.choose("layer", j)
        u, others = shown_unit(shown), truth.traces[i].reset[j, 0, s]
        x, h = truth.inputs(i, j)[s].copy(), truth.traces[i].previous()[j, 0, s].copy()

        def check(x=x, h=h, u=u, j=j, others=others, **forced):
            unit = truth.cell(i, s, j, u, x=x, h=h, others=others, **forced)
            wanted = {f"play.{k}": unit[k] for k in ("h", "z", "r", "kept", "added", "out", "n")}
            found = [(k, v) for k, v in shown.numbers() if k.startswith("play.") and k != "play.x"]
            assert [(k, v, wanted[k]) for k, v in found if not same(v, wanted[k])] == []
            assert len(found) == 7

        if j < truth.w.directions:
            shown.choose("p-feature", 1)
            lowest = float(shown.page.get_attribute("#p-x", "min"))
            shown.slide("p-x", lowest)
            x[1] = (lowest - parts.scaler.mean[1]) / parts.scaler.scale[1]
            check()
        shown.slide("p-h", 0.75)
        h[u] = 0.75
        check()
        shown.slide("p-z", 0.9)
        shown.slide("p-r", 0.1)
        check(z=0.9, r=0.1)
        shown.page.click("#p-free")
        check()
        shown.page.click("#p-reset")
        check(x=truth.inputs(i, j)[s], h=truth.traces[i].previous()[j, 0, s])
    shown.close(path)


def test_the_plots_of_an_aggregated_net_are_its_means(browser, tmp_path, aggregated):
    parts, X, y = make(*NETS["after-adds"])
    path = tmp_path / "page.html"
    explain(parts, X, path, y)
    truth, shown = Truth(parts, X), Shown(browser, path)
    shown.choose("sequence", order_of(shown).index(2))  # twelve steps, six blocks
    text = (
        "each row of the gates is the mean of 2 units that move alike; each column of the gates is the mean of 2 steps"
    )
    assert text in shown.page.inner_text("#aggregated")
    for j, layer in enumerate(rows_of(shown)):
        shown.choose("layer", j)
        t = truth.traces[2]
        for gate, a in {"z": t.update, "keep": t.keep, "r": t.reset, "n": t.candidate, "h": t.state}.items():
            drawn = shown.ask(
                "[0, 1].map(row => Array.from({length: 12}, (_, t) => net.shown(run, view.layer, given, row, t)))",
                gate,
            )
            means = [a[j, 0][:, units].reshape(6, 4).mean(1).repeat(2) for units, _ in layer]
            assert_close(drawn, means, "drawn")
    # a click on a row chooses the unit that is carried of it, the arrows go from row to row
    shown.page.mouse.click(*shown.place("c-gate", 1, 1))
    rows = rows_of(shown)[1]
    last = shown.ask("view.order[1]")
    assert shown_unit(shown) == rows[last][1]
    shown.page.focus("#tracks")
    shown.page.keyboard.press("ArrowUp")
    assert shown_unit(shown) == rows[1 - last][1]
    shown.close(path)


def test_units_that_move_alike_share_a_row():
    rng = np.random.default_rng(24)
    kinds = rng.normal(size=(5, 40))
    kind = rng.permutation(np.repeat(np.arange(5), 7))
    rows = aggregate.gather((kinds[kind] + rng.normal(size=(35, 40)) * 0.01)[None], 5)
    assert sorted(np.bincount(rows.row[0])) == [7] * 5
    assert all(len(set(kind[rows.row[0] == row])) == 1 for row in range(5))
    assert rows.row[0, rows.unit[0]].tolist() == [0, 1, 2, 3, 4]
    # rows differ by one at most, whatever the numbers are
    for units, count in ((10, 3), (2500, 64), (7, 7), (9, 8)):
        sizes = np.bincount(aggregate.gather(rng.normal(size=(1, units, 6)), count).row[0])
        assert len(sizes) == count
        assert sizes.max() - sizes.min() <= 1


def test_what_is_aggregated_and_when():
    small = random_weights(np.random.default_rng(25), CONVENTIONS[0], I=1, H=64)
    wide = random_weights(np.random.default_rng(25), CONVENTIONS[0], I=1, H=720)
    wider = random_weights(np.random.default_rng(25), CONVENTIONS[0], I=1, H=1000)
    assert aggregate.plan(Model.of(small), 50_000) is None
    assert aggregate.plan(Model.of(small), 90_000) == (
        "This net and 90,000 steps are more than a browser can compute at once", 8
    )  # fmt: skip
    assert aggregate.plan(Model.of(wider), 60) == ("This net has 3,006,000 weights, more than a page can carry", 64)
    assert aggregate.plan(Model.of(wider), 5000).rows == 24
    assert [aggregate.block_of(T) for T in (1, 1000, 1001, 5000)] == [1, 1, 2, 5]
    # 1,559,520 weights go in 16 bits, unless one of them does not
    assert aggregate.plan(Model.of(wide), 60) is None
    assert aggregate.halves(Model.of(wide))
    assert not aggregate.halves(Model.of(small))
    huge = Weights("tutorial", [[wide.cells[0][0]._replace(b=np.full(3 * 720, 7e4))]])
    assert aggregate.plan(Model.of(huge), 60).why == "This net has 1,559,520 weights, more than a page can carry"


@pytest.mark.parametrize("name", NETS)
def test_weights_in_16_bits_and_a_worker_give_the_rounded_nets_numbers(browser, tmp_path, name, monkeypatch):
    monkeypatch.setattr(aggregate, "MOST_WEIGHTS", 0)
    monkeypatch.setattr(aggregate, "AT_ONCE", 0)
    monkeypatch.setattr(payload, "LIVE", 0)
    parts, X, y = make(*NETS[name])
    path = tmp_path / "page.html"
    notes = explain(parts, X, path, y).notes
    assert re.fullmatch(
        r"This net has [\d,]+ weights, so the page carries them in 16 bits; of its answers none is more than "
        r"[\d.e-]+ from the model's\.", notes[0],
    )  # fmt: skip
    own, page = Truth(parts, X), Truth(aggregate.rounded(parts), X)
    apart = max(np.abs(page.answer(page.outputs[0][i]) - own.answer(own.outputs[0][i])).max() for i in range(len(X)))
    assert float(notes[0].split(" from the")[0].split()[-1]) == float(f"{apart:.2g}")
    assert apart > 0  # so the two are told apart
    shown, layers = Shown(browser, path), own.w.layers * own.w.directions
    shown.settled()
    answers = shown.ask("data.sequences.map(s => s.answers.map(a => a.output))")
    rng = np.random.default_rng(27)
    for k, i in enumerate(order_of(shown)):
        shown.choose("sequence", k)
        shown.settled()
        for s in {0, len(X[i]) - 1}:
            j, u = int(rng.integers(layers)), int(rng.integers(4))
            shown.stand(layers, j, s, u)
            expected = page.expected(i, s, j, u, answers[k][0]) | own.of_answer(i, s, answers[k][0])
            assert_numbers(shown, expected | own.units() | own.scale(j, u), 40)
    shown.close(path)


@pytest.mark.slow
def test_two_layers_both_ways_of_256_units_open_at_once(browser, tmp_path):
    rng = np.random.default_rng(28)
    w = random_weights(rng, CONVENTIONS[3], I=13, H=256, layers=2, directions=2, size=0.06).astype(np.float32)
    V = rng.normal(size=(10, 512)).astype(np.float32) * 0.2
    parts = small_model(w, V, np.zeros(10, np.float32), "last", "classify", classes=tuple(range(10)))
    X = [rng.normal(size=(100, 13)).astype(np.float32) for _ in range(20)]
    path = tmp_path / "page.html"
    assert explain(parts, X, path, rng.integers(0, 10, 20)).size < 12e6
    shown = Shown(browser, path)
    shown.settled()
    print(f"open after {shown.page.evaluate('performance.now()') / 1000:.1f} s")
    assert shown.ask("net.units * net.layers * net.directions") == 1024
    page, i = Truth(aggregate.rounded(parts), X[: int(shown.ask("sequence().at")) + 1]), int(shown.ask("sequence().at"))
    shown.stand(4, 3, 60, 200)
    seen = dict(shown.numbers())
    wrong = {
        k: v for k, v in page.cell(i, 60, 3, 200).items() if f"cell.{k}" in seen and not same(seen[f"cell.{k}"], v)
    }
    assert wrong == {}
    shown.page.click("#later")
    assert "Running the net" in shown.page.inner_text("#busy")
    shown.settled()
    shown.close(path)


@pytest.mark.slow
def test_two_thousand_five_hundred_units(browser, tmp_path):
    rng = np.random.default_rng(26)
    w = random_weights(rng, CONVENTIONS[0], I=2, H=2500, size=0.02).astype(np.float32)
    x = rng.normal(size=(2, 60, 2)).astype(np.float32)
    parts = small_model(w, rng.normal(size=(2, 2500)) * 0.1, np.zeros(2), "last", "classify", classes=("a", "b"))
    path = tmp_path / "page.html"
    found = explain(parts, x, path, ["a", "b"])
    assert found.size < 12e6
    shown = Shown(browser, path)
    i = int(shown.ask("+sequence().id"))
    t = trace(w, x[i][None])
    for asked in (0, 1234, 2499):
        shown.page.fill("#unit", str(asked))
        shown.page.press("#unit", "Enter")
        shown.slide("step", 50)
        u, seen = shown_unit(shown), dict(shown.numbers())
        row = shown.ask("Array.from(net.row).flatMap((r, u) => r === net.rowOf(0, view.unit) ? [u] : [])")
        assert asked in row
        assert len(row) in (39, 40)
        for key, a in (("z", t.update), ("out", t.state), ("n", t.candidate)):
            assert same(seen[f"cell.{key}"], a[0, 0, 49, u])
        assert same(seen["row.h.mean"], t.state[0, 0, 49, row].mean())
        assert same(seen["row.h.low"], t.state[0, 0, 49, row].min())
        assert same(seen["row.z.high"], t.update[0, 0, 49, row].max())
    shown.close(path)
