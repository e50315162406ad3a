"""The playground in a real browser: what it learns, what it says, every control, no message and no request."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

from axe import violations
from explained import Shown
from gruvy import reference
from gruvy.convention import Convention
from gruvy.data import from_bits, random_sums, to_bits
from gruvy.inside.explorer import playground
from gruvy.lab.nets import KINDS
from gruvy.reference import Cell


class Played(Shown):
    """The page, open in a browser; its workers have the page's own script as theirs."""

    def __init__(self, browser, path, asks="", without_workers=False, **options):
        first = "delete window.Worker" if without_workers else None
        super().__init__(browser, path, at=path.as_uri() + asks, first=first, **options)
        self.until("document.documentElement.dataset.steps !== undefined")

    def until(self, condition, seconds=300):
        """Wait: the page's policy lets no text be run as a script, so it is asked from outside."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, f"not within {seconds} seconds: {condition}"
            time.sleep(0.05)

    def runs(self, what):
        """Of each run, by net."""
        return dict(self.page.evaluate(f"playground.runs.map((run) => [run.kind, {what}])"))

    def play(self, steps):
        """Press Play, and Pause once so many steps are done or nothing learns any more."""
        self.page.click("#play")
        self.until(f"!playground.playing || playground.runs.every((run) => run.solved || run.steps >= {steps})")
        if self.page.inner_text("#play") == "Pause":
            self.page.click("#play")
        self.until("!playground.busy")

    def gru(self):
        """The GRU as it stands in its worker: Cell, V, b_y."""
        found = self.page.evaluate(
            "playground.pool.ask('weights', playground.runs.find((run) => run.kind === 'gru').key)"
        )
        H, rows, at, parts = found["units"], 3 * found["units"], 0, []
        for shape in ((rows, found["inputs"]), (rows, H), (rows,), (found["outputs"], H), (found["outputs"],)):
            size = int(np.prod(shape))
            parts.append(np.array(found["parameters"][at : at + size]).reshape(shape))
            at += size
        assert at == len(found["parameters"])
        W, U, b, V, b_y = parts
        return Cell(W, U, b, None), V, b_y


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("playground") / "playground.html"
    playground(path)
    return path


def read_out(net, x):
    """What a net of the page answers (B, T, O), by `gruvy.reference`."""
    cell, V, b_y = net
    h, _ = reference.forward(x.swapaxes(0, 1), np.zeros((len(x), len(cell.U) // 3)), cell, Convention.of("tutorial"))
    return h.swapaxes(0, 1) @ V.T + b_y


def test_pressing_play_learns_to_add(browser, path):
    """A GRU of 16 units, sums of 4 digits: 1,000 of 1,000 sums of 20 digits, and so says Python of its weights."""
    shown = Played(browser, path, "#task=addition&lag=4&units=16&remember=0&seed=0")
    begun = time.monotonic()
    shown.page.click("#play")
    shown.until("playground.runs.find((run) => run.kind === 'gru').solved")
    steps = shown.runs("run.steps")["gru"]
    print(f"solved after {steps} steps, in {time.monotonic() - begun:.1f} s beside the other two nets")
    assert steps <= 800
    shown.until("document.getElementById('standing-gru').textContent.startsWith('Solved')")
    assert shown.page.inner_text("#standing-gru") == f"Solved after {steps} steps: 1,000 of 1,000 right."
    net, asked = shown.gru(), random_sums(1000, 20, seed=1)
    said = from_bits(read_out(net, np.stack(asked.x).astype(np.float64))[..., 0] > 0)
    assert (said == from_bits(np.array(asked.y))).sum() >= 999
    # another question, of which Python knows the answer
    shown.page.fill("#question-a", "699050")
    shown.page.press("#question-a", "Tab")
    shown.page.fill("#question-b", "349526")
    shown.page.press("#question-b", "Tab")
    shown.until("document.getElementById('says-gru').textContent.includes('349526')")
    bits = np.stack([to_bits([699050, 349526], 21)], axis=0).swapaxes(1, 2).astype(np.float64)
    (told,) = from_bits(read_out(net, bits)[..., 0] > 0)
    assert shown.page.inner_text("#says-gru").startswith(f"699050 + 349526: it says {told}")
    assert told == 699050 + 349526
    shown.close(path)


def test_an_untrained_net_is_seen_to_fail(browser, path):
    """The same questions before Play: the check of Python's answers can fail."""
    shown = Played(browser, path, "#task=addition&lag=4&units=16&remember=0&seed=0")
    asked = random_sums(1000, 20, seed=1)
    said = from_bits(read_out(shown.gru(), np.stack(asked.x).astype(np.float64))[..., 0] > 0)
    assert (said == from_bits(np.array(asked.y))).sum() < 10
    assert re.match(r"\d+ of 1,000 right after 0 steps\.", shown.page.inner_text("#standing-gru"))
    shown.close(path)


def test_what_one_sees_at_once(browser, path):
    """The first page: the RNN's gradient is lost, and the gated nets learn the clue; the RNN does not."""
    shown = Played(browser, path)
    assert (
        shown.page.evaluate("document.querySelector('#stories [aria-pressed=true]').textContent") == "Remember a clue"
    )
    shown.play(400)
    assert shown.runs("run.solved") == {"rnn": False, "lstm": True, "gru": True}
    left = shown.runs("run.overLag.at(-1)")
    assert left["rnn"] < -3  # a thousandth, and the others' is whole
    assert min(left["lstm"], left["gru"]) > 0
    for kind in KINDS:
        standing = shown.page.inner_text(f"#standing-{kind}")
        assert ("not solved" in standing) == (kind == "rnn")
    shown.close(path)


SMALL = "#task=clue&lag=12&units=4&remember=12&seed=3"


def test_every_control(browser, path):
    shown = Played(browser, path, SMALL)
    page = shown.page

    def slide(name, value):
        page.eval_on_selector(f"#{name}", "(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", value)
        shown.until("playground.runs.every((run) => run.tests.length)")

    def address():
        return dict(part.split("=") for part in page.evaluate("location.hash.slice(1)").split("&"))

    # one step of each; then the keyboard, on the button that has the focus
    page.click("#once")
    shown.until("!playground.busy && playground.runs.every((run) => run.steps === 1)")
    page.keyboard.press("Enter")
    shown.until("!playground.busy && playground.runs.every((run) => run.steps === 2)")
    assert shown.runs("run.losses.length") == dict.fromkeys(KINDS, 2)
    # sliders begin anew and stand in the address
    slide("lag", 30)
    assert shown.runs("[run.steps, run.seen.T, run.overLag.length]") == {kind: [0, 30, 31] for kind in KINDS}
    assert page.inner_text("#lag-out") == "30 steps"
    page.focus("#units")
    page.keyboard.press("ArrowRight")
    shown.until("playground.runs.every((run) => run.seen && run.seen.H === 5)")
    slide("rate", 3)
    page.fill("#seed", "7")
    page.press("#seed", "Tab")
    asked = {"task": "clue", "lag": "30", "units": "5", "remember": "12", "rate": "0.003", "seed": "7"}
    assert address() == asked
    # set to remember: what is left of the gradient before anything is learned
    shown.until("playground.runs.every((run) => run.overLag.length)")
    before = shown.runs("run.overLag.at(-1)")
    slide("remember", 0)
    shown.until("playground.choices.remember === 0 && playground.runs.every((run) => run.overLag.length)")
    after = shown.runs("run.overLag.at(-1)")
    assert all(after[kind] < before[kind] - 1 for kind in KINDS)
    # a gate is switched off, and held where its slider says
    page.uncheck("#on-gru-z")
    shown.until("playground.runs[2].seen && new Set(playground.runs[2].seen.rows.keeps).size === 1")
    slide("at-gru-z", 0.25)
    shown.until("playground.runs[2].seen && playground.runs[2].seen.rows.keeps.every((v) => v === 0.75)")
    assert address()["gru"] == "z0.25"
    page.uncheck("#on-lstm-f")
    shown.until("playground.runs[1].seen && playground.runs[1].seen.rows.keeps.every((v) => v === 1)")
    page.check("#on-gru-z")
    shown.until("playground.runs[2].seen && new Set(playground.runs[2].seen.rows.keeps).size > 1")
    assert not page.is_visible("#at-gru-z")
    # the link leads to the same
    link = page.evaluate("location.hash")
    other = Played(browser, path, link)
    assert other.runs("run.overLag") == shown.runs("run.overLag")
    assert other.page.evaluate("playground.choices") == page.evaluate("playground.choices")
    other.close(path)
    # slowly, one step at a time; pause; again
    slide("speed", 1)
    page.click("#play")
    shown.until("playground.runs[0].steps >= 2")
    assert page.inner_text("#play") == "Pause"
    page.click("#play")
    page.click("#again")
    shown.until("!playground.busy && playground.runs.every((run) => run.steps === 0 && run.tests.length)")
    # another gate is drawn; the theme; a story, which plays
    name = page.get_attribute("#f-gru-gate svg", "aria-label")
    page.select_option("#rows-gru", "reset")
    assert "reset gate" in page.get_attribute("#f-gru-gate svg", "aria-label") != name
    dark = page.evaluate("document.documentElement.dataset.theme")
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") != dark
    page.click("#stories button >> nth=4")
    shown.until("playground.runs.every((run) => run.steps > 0)")
    assert page.input_value("#task") == "addition"
    assert page.is_visible("#question")
    page.select_option("#task", "adding")
    shown.until("playground.runs.every((run) => run.seen && run.seen.T === 30)")
    assert re.match(r"0\.\d\d at step \d+ and 0\.\d\d at step \d+ make \d\.\d\d: it says -?\d\.\d\d\.",
                    page.inner_text("#says-rnn"))  # fmt: skip
    shown.close(path)


def test_an_address_that_asks_for_nonsense_is_taken_as_far_as_it_goes(browser, path):
    shown = Played(browser, path, "#task=nope&lag=9999&units=six&rate=-1&seed=2&gru=z7_q1&lstm=f0.5")
    assert shown.page.evaluate("playground.choices") == {
        "task": "clue", "units": 16, "lag": 60, "remember": 60, "rate": 0.01, "seed": 2, "lstm": {"f": 0.5}, "gru": {},
    }  # fmt: skip
    shown.close(path)


def test_without_workers_it_learns_the_same(browser, path):
    """Where a browser gives the page no worker, the same code runs in the page."""
    losses = []
    for without in (False, True):
        shown = Played(browser, path, SMALL, without_workers=without)
        assert shown.page.evaluate("playground.pool.workers.length > 0") is not without
        shown.play(40)
        losses.append({kind: of[:40] for kind, of in shown.runs("run.losses").items()})
        shown.close(path)
    assert losses[0] == losses[1]
    assert all(len(of) == 40 for of in losses[0].values())


def test_a_worker_that_does_not_run_is_done_without(browser, path):
    shown = Played(browser, path, SMALL)
    shown.page.evaluate("playground.pool.workers[0].dispatchEvent(new ErrorEvent('error'))")
    assert shown.page.evaluate("playground.pool.workers.length") == 0
    shown.page.click("#again")
    shown.until("playground.runs.every((run) => run.tests.length)")
    shown.play(3)
    assert min(shown.runs("run.steps").values()) >= 3
    shown.close(path)


def test_five_seeds(browser, path):
    shown = Played(browser, path, SMALL)
    shown.page.click("#try")
    shown.until("!playground.trying && !playground.playing")
    cells = shown.page.evaluate("Array.from(document.querySelectorAll('.outcome'), (e) => e.textContent)")
    assert len(cells) == 15
    assert all(re.fullmatch(r"solved, \d+ steps|[\d.]+ %", text) for text in cells)
    counts = [sum(text.startswith("solved") for text in cells[5 * k : 5 * k + 5]) for k in range(3)]
    assert shown.page.inner_text("#try-says") == "Solved, of 5 seeds: tanh RNN {}, LSTM {}, GRU {}.".format(*counts)
    heads = shown.page.evaluate("Array.from(document.querySelectorAll('#seeds thead th'), (e) => e.textContent)")
    assert heads == ["net", *(f"seed {seed}" for seed in range(3, 8))]
    shown.close(path)


@pytest.mark.slow
def test_the_page_goes_on_while_the_largest_nets_learn(browser, path):
    """What a person does is answered within two seconds, on a machine that is busy with other things too."""
    shown = Played(browser, path, "#task=clue&lag=120&units=32&remember=60")
    shown.page.evaluate(
        """() => { window.gap = 0; let last = performance.now();
          const look = () => { window.gap = Math.max(window.gap, performance.now() - last); last = performance.now(); };
          setInterval(look, 10); }"""
    )
    shown.play(30)
    gap = shown.page.evaluate("window.gap")
    print(f"longest gap: {gap:.0f} ms")
    assert gap < 2000
    shown.page.evaluate("for (const end = performance.now() + 2100; performance.now() < end; ) {}")
    shown.until("window.gap > 2000")  # a page that stands still is seen
    shown.close(path)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(browser, path, scheme):
    shown = Played(browser, path, SMALL, width=390, color_scheme=scheme, has_touch=True)
    page = shown.page
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert not page.is_visible("#units")
    page.tap("#settings summary")
    assert page.is_visible("#units")
    low = page.evaluate(
        "Array.from(document.querySelectorAll('button, select'), (e) => e.getBoundingClientRect().height)"
        ".filter((height) => height && height < 40)"
    )
    assert low == []
    page.tap("#play")
    shown.until("playground.runs.every((run) => run.steps > 0)")
    shown.close(path)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_the_way_of_anybody(browser, path, scheme):
    """axe-core's rules, before learning and after, settings and all."""
    shown = Played(browser, path, SMALL, color_scheme=scheme)
    assert violations(shown.page) == []
    shown.play(20)
    shown.page.uncheck("#on-gru-z")
    shown.page.select_option("#task", "addition")
    shown.until("playground.runs.every((run) => run.tests.length)")
    assert violations(shown.page) == []
    shown.page.evaluate("document.querySelector('#rows-gru').removeAttribute('aria-label')")
    assert [found[:2] for found in violations(shown.page)] == [("select-name", "#rows-gru")]  # it can fail
    shown.close(path)
