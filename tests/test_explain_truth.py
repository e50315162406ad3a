"""What the page claims beyond the trace: who leads, how long a nudge matters, what a contribution is of."""

from __future__ import annotations

import numpy as np
import pytest

from compare import assert_close
from explained import NETS, Shown, Truth, make, number, order_of, same, yes_or_no
from gruvy.inside import answers, describe, memory
from gruvy.inside.explorer import aggregate, explain
from gruvy.inside.memory import nudged
from small_nets import CONVENTIONS, random_weights, small_model

LABELLED = """() => Array.from(document.querySelectorAll("#c-answer [data-class]"), g => {
  const path = g.querySelector("path, circle");
  const labels = Array.from(document.querySelectorAll("#c-answer .line-label"));
  const label = labels.find(t => t.dataset.label === g.dataset.series);
  if (!label) return [+g.dataset.class, null];
  const text = label.getBoundingClientRect(), x = (text.left + text.right) / 2, y = (text.top + text.bottom) / 2;
  let near = Infinity;
  const matrix = path.getScreenCTM(), length = path.getTotalLength ? path.getTotalLength() : 0;
  for (let k = 0; k <= 200; k++) {
    const p = path.getPointAtLength(length * k / 200).matrixTransform(matrix);
    near = Math.min(near, Math.max(Math.abs(p.x - x) - text.width / 2, Math.abs(p.y - y) - text.height / 2));
  }
  return [+g.dataset.class, near];
})"""
AT_ITS_LINE = 50  # pixels from a name to its line: names that would cover each other are moved up or down


def many_classes(seed=60, classes=9, N=200):
    rng = np.random.default_rng(seed)
    w = random_weights(rng, CONVENTIONS[0], I=2, H=12, size=0.8).astype(np.float32)
    V, b = rng.normal(size=(classes, 12)).astype(np.float32) * 2, rng.normal(size=classes).astype(np.float32)
    parts = small_model(w, V, b, "last", "classify", classes=tuple("abcdefghi"[:classes]))
    X = [rng.normal(size=(n, 2)).astype(np.float32) for n in rng.integers(2, 30, N)]
    return parts, X, [str(v) for v in rng.choice(list("abcdefghi"[:classes]), N)]


@pytest.mark.parametrize("carried", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["computed", "carried"])
def test_every_class_that_leads_at_any_step_is_drawn_and_named_at_its_line(browser, tmp_path, monkeypatch, carried):
    """All 200 sequences, all steps; who leads is Python's word."""
    if carried:
        monkeypatch.setattr(aggregate, "MOST_WEIGHTS", 0)
        monkeypatch.setattr(aggregate, "MOST_HALVES", 0)
    parts, X, y = many_classes()
    path = tmp_path / "page.html"
    assert explain(parts, X, path, y).kept == 200
    shown = Shown(browser, path)
    leaders = [set(a.argmax(1).tolist()) for a in answers(parts, X)]
    assert sum(len(a) > 3 for a in leaders) > 20  # or three lines would do
    missing = []
    for k, i in enumerate(order_of(shown)):
        shown.choose("sequence", k)
        drawn = dict(shown.page.evaluate(LABELLED))
        wanted = leaders[i] | {"abcdefghi".index(y[i])}
        missing += [(i, c, drawn.get(c)) for c in wanted if not (drawn.get(c) is not None and drawn[c] < AT_ITS_LINE)]
    assert missing == []
    # lines, names and dashes tell them apart without colour
    looks = shown.page.evaluate(
        """() => Array.from(document.querySelectorAll("#c-answer [data-class]"), g =>
             [getComputedStyle(g).stroke, getComputedStyle(g).strokeDasharray].join())"""
    )
    assert len(set(looks)) == len(looks) > 3
    shown.close(path)


@pytest.mark.parametrize("name", [n for n in NETS if n != "before-keeps"])
def test_a_nudge_on_the_page_is_pythons(browser, tmp_path, name):
    parts, X, y = make(*NETS[name])
    path = tmp_path / "page.html"
    explain(parts, X, path, y)
    truth, shown, rng = Truth(parts, X), Shown(browser, path), np.random.default_rng(61)
    layers = truth.w.layers * truth.w.directions
    for k, i in enumerate(order_of(shown)):
        shown.choose("sequence", k)
        for s in {0, len(X[i]) - 1, int(rng.integers(len(X[i])))}:
            j, u = int(rng.integers(layers)), int(rng.integers(4))
            shown.stand(layers, j, s, u)
            m, effect = memory(truth.parts, X[i][None], at=s), nudged(truth.parts, X[i][None], at=s)
            for which in ("unit", "all"):
                shown.choose("nudged", which)
                seen = dict(shown.numbers())
                for what in ("state", "answer"):
                    steps = getattr(m, what)[j, 0, u] if which == "unit" else getattr(m, f"{what}_together")[j, 0]
                    assert seen.get(f"nudge.{what}") == (str(int(steps)) if np.isfinite(steps) else None)
                here = shown.ask("state.nudgedBy(given[0], given[1], given[2])", [j, s, u if which == "unit" else None])
                for what in ("state", "answer"):
                    wanted = (
                        getattr(effect, what)[j, 0, u] if which == "unit" else getattr(effect, f"{what}_together")[j, 0]
                    )
                    wanted = wanted[~np.isnan(wanted)]
                    if here[what] is None:
                        assert truth.w.directions == 2
                        assert not len(wanted)
                    else:
                        assert_close(np.array(here[what], float), wanted, "derivative", what)
    shown.close(path)


def test_what_a_contribution_is_of_is_said_and_adds_up(browser, tmp_path):
    for name, words in (
        ("mean", ("raises", "lowers", "the unit is the target's own", "the mean of the training data")),
        ("tutorial", ("for", "against", "the unit is the score before it becomes a probability", "the mean of the")),
    ):
        parts, X, y = make(*NETS[name])
        path = tmp_path / f"{name}.html"
        explain(parts, X, path, y)
        truth, shown = Truth(parts, X), Shown(browser, path)
        key, said = shown.page.inner_text("#contribution-scale"), shown.page.inner_text("#contribution-says")
        assert words[0] in key
        assert words[1] in key
        assert words[2] in said
        assert words[3] in said
        assert "integrated gradients" in said
        i = order_of(shown)[0]
        output = shown.ask("sequence().answers[0].output")
        values, base, _ = truth.contributions(i, output, None)
        seen = dict(shown.numbers())
        assert same(seen["explained.base"], base)
        assert same(seen["explained.total"], base + values.sum())
        if name == "mean":  # the bars end at what the net says
            assert same(seen["final.0"], number(seen.get("explained.own", seen["explained.total"]))[0])
            assert "true" in shown.page.text_content("#c-answer svg")
        shown.close(path)


def test_a_threshold_of_two_classes_is_obeyed_everywhere(browser, tmp_path):
    parts, X, y = yes_or_no()
    other = yes_or_no(None)[0]
    says = parts.predict(X)
    assert any((a != b).any() for a, b in zip(says, other.predict(X), strict=True))
    path = tmp_path / "page.html"
    explain(parts, X, path, y, against={"the likelier": other})
    shown = Shown(browser, path)
    twins = shown.ask("data.twins.map(t => t.right)")
    assert twins == [sum(a.tolist() == b for a, b in zip(other.predict(X), y, strict=True))]
    for k, i in enumerate(order_of(shown)):
        shown.choose("sequence", k)
        good = int((says[i] == np.array(y[i])).sum())
        assert shown.ask("sequence().truth") == f"{good} of {len(X[i])} steps right"
        table = shown.ask("charts.get(document.getElementById('c-tags')).table()")[1:]
        assert [row[1] for row in table] == says[i].tolist()
        for s, word in enumerate(says[i]):
            shown.slide("step", s + 1)
            assert f"it says {word}" in shown.page.inner_text("#so-far")
            place = ["no", "yes"].index(word)
            line = shown.ask(f"charts.get(document.getElementById('c-tags')).read({s + 0.5}).python")
            assert line == f"int(answers(model, X[{i}:{i + 1}])[0][{s}, 1] >= 0.3)"
            assert int(answers(parts, X[i : i + 1])[0][s, 1] >= 0.3) == place
            assert describe(parts, X[i], step=s).says == word
    shown.close(path)


def test_a_tagger_shows_the_truth_and_which_steps_are_wrong(browser, tmp_path):
    parts, X, y = make(*NETS["before-keeps"])
    path = tmp_path / "page.html"
    explain(parts, X, path, y)
    truth, shown = Truth(parts, X), Shown(browser, path)
    classes = list(parts.target.classes)
    for k, i in enumerate(order_of(shown)):
        shown.choose("sequence", k)
        says = truth.outputs[1][i].argmax(1)
        true = [classes.index(v) for v in y[i]]
        wrong = says != true
        table = shown.ask("charts.get(document.getElementById('c-tags')).table()")[1:]
        assert [row[1:3] for row in table] == [[classes[a], classes[b]] for a, b in zip(says, true, strict=True)]
        assert [not row[3] for row in table] == wrong.tolist()
        assert f"{wrong.sum()} of {len(wrong)} steps are wrong" in shown.page.get_attribute("#c-tags svg", "aria-label")
        for s in range(len(X[i])):
            shown.slide("step", s + 1)
            said = shown.page.inner_text("#so-far")
            assert said.endswith(f": wrong, true is {classes[true[s]]}" if wrong[s] else ": right")
            assert f"at step {s + 1}" in shown.page.inner_text("#contribution-scale")
    shown.close(path)
