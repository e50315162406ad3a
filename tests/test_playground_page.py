"""The playground in a real browser: what it learns, what it says, every control, no message and no request."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

from gruvy import reference
from gruvy.convention import Convention
from gruvy.data import from_bits, random_sums, to_bits
from gruvy.inside.explorer import playground
from gruvy.lab.nets import KINDS
from gruvy.reference import Cell


class Played:
    """The page, open in a browser; its workers have the page's own script as theirs."""

    def __init__(self, browser, path, asks="", without_workers=False, width=1440, **options):
        self.context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        self.page = self.context.new_page()
        self.said, self.asked = [], []
        self.page.on("console", lambda m: self.said.append(m.text))
        self.page.on("pageerror", lambda e: self.said.append(str(e)))
        self.page.on("request", lambda r: self.asked.append(r.url))
        if without_workers:
            self.page.add_init_script("delete window.Worker")
        self.page.goto(path.as_uri() + asks)
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

    def close(self, path):
        self.context.close()
        assert self.said == []
        asked = [address for address in self.asked if not address.startswith("blob:")]
        assert asked == [path.as_uri()]


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
