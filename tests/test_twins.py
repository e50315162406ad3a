"""Another net beside the one on a page: every number of it against Python's trace, edits included; what it draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import gruvy
from axe import violations
from compare import assert_close
from explained import EVIL, NETS, Shown, make, order_of, same
from gruvy.errors import InputError, InputTypeError
from gruvy.inside import answers, read_out, trace
from gruvy.inside.edits import Edit
from gruvy.inside.explorer import explain
from gruvy.inside.explorer.twins import Others, fitting
from gruvy.model.model import Model
from small_nets import CONVENTIONS, random_weights, small_model
from test_explain_share import said
from test_whatif_page import address
from test_whatif_page import fitting as ending

OUT = ("z", "r", "out")


def other(parts, seed, units=4, layers=1, directions=1, convention=CONVENTIONS[1], pooling="mean"):
    """A net of another shape for the same task."""
    rng = np.random.default_rng(seed)
    kind = {"layers": layers, "directions": directions, "H": units, "size": 0.8}
    w = random_weights(rng, convention, **kind).astype(np.float32)
    V = rng.normal(size=(parts.outputs, units * directions)).astype(np.float32)
    scales = {}
    if parts.task == "regress":
        scales = {"y_shift": parts.target.mean, "y_scale": parts.target.scale}
    classes = () if parts.classes is None else tuple(parts.classes.tolist())
    return small_model(w, V, None, "last" if parts.task == "tag" else pooling, parts.task, classes=classes, **scales)


def exact(net):
    """The same in float64, as the page computes."""
    return replace(net, weights=net.weights.astype(np.float64))


def counted(shown):
    return shown.page.evaluate(
        "Array.from(document.querySelectorAll('[data-count]'), e => [e.dataset.count, +e.textContent])"
    )


def numbers(shown):
    return dict(p for p in shown.numbers() if p[0].startswith(("twin.", "now.")))


@pytest.mark.parametrize("name", [pytest.param("tutorial", marks=pytest.mark.slow), "before-keeps", "torch"])
def test_every_number_of_the_other_net_is_pythons_with_the_same_edits(browser, tmp_path, name):
    parts, X, y = make(*NETS[name])
    w = parts.weights.merged()
    shape = {"layers": w.layers, "directions": w.directions}
    nets = {"alike": other(parts, 1, **shape), "small": other(parts, 2, units=3), EVIL[0]: other(parts, 3, layers=2)}
    edits = [Edit("input", "set", 1.5, steps=(1, 4), units=0), Edit("update", "set", 0.5, steps=(2, 6), units=3)]
    path = tmp_path / "page.html"
    explain(parts, X, path, y, against=nets)
    shown, rng, count = Shown(browser, path), np.random.default_rng(0), 0
    for given in ([], edits):
        if given:
            shown.page.goto(address(path, given))
            shown.page.reload()
        order = order_of(shown)
        for k, (which, net) in enumerate(nets.items()):
            shown.choose("twin", k)
            for place, i in enumerate(order):
                shown.choose("sequence", place)
                T, units = len(X[i]), net.weights.hidden_units
                fit = [e for e in ending(given, T) if e.target == "input" or units > 3]
                t = trace(exact(net), X[i][None], edits=fit)
                final, s = read_out(exact(net), t).final[0], int(rng.integers(T))
                u = int(rng.integers(4))
                shown.stand(w.layers * w.directions, 0, s, u)
                found = numbers(shown)
                expected = {f"twin.{o}": v for o, v in enumerate(final)}
                if which == "alike":
                    values = {"z": t.update, "r": t.reset, "out": t.state}
                    expected |= {f"twin.{v}": values[v][0, 0, s, u] for v in OUT}
                seen = {key: text for key, text in found.items() if key.startswith("twin.")}
                assert seen
                assert [p for p in seen.items() if not same(p[1], expected[p[0]])] == []
                assert any(f"twin.{v}" in seen for v in OUT) == (which == "alike")
                if which == "alike":  # a planted fault: of another unit
                    wrong = {f"twin.{v}": values[v][0, 0, s, u - 1] for v in OUT}
                    assert not all(same(seen[key], v) for key, v in wrong.items())
                drawn = shown.ask(
                    "(twin => Array.from({length: twin.T}, (_, t) => Array.from({length: given}, (_, u) => "
                    "gruvy.twin().shown(twin, 0, 'z', u, t))))(view.twin)",
                    units,
                )
                assert_close(np.array(drawn), t.update[0, 0], "same")
                count += len(seen) + t.update[0, 0].size
    shown.context.close()
    assert shown.said == []
    print(f"{count} numbers")
    assert count > 500


def test_it_says_how_many_each_has_right_and_finds_where_they_differ(browser, tmp_path):
    parts, X, y = make(*NETS["tutorial"])
    twin = other(parts, 6)
    path = tmp_path / "page.html"
    explain(parts, X, path, y, against=twin)
    shown = Shown(browser, path)
    assert shown.page.is_hidden("#c-twin")
    assert shown.page.is_hidden("#twin-slide-label")  # there is only one
    shown.choose("twin", 0)
    own, its = parts.predict(X).tolist(), twin.predict(X).tolist()
    right = {"own.right": sum(a == b for a, b in zip(own, y, strict=True))}
    right["twin.right"] = sum(a == b for a, b in zip(its, y, strict=True))
    assert dict(counted(shown)) == right
    different = [i for i in range(len(X)) if own[i] != its[i]]
    assert 0 < len(different) < len(X)
    assert shown.ask("document.querySelector('#filter option[value=differ]').textContent").endswith(
        f"({len(different)})"
    )
    shown.choose("filter", "differ")
    order = order_of(shown)
    assert sorted(order[k] for k in shown.ask("view.list")) == different
    shown.choose("twin", -1)
    assert len(shown.ask("view.list")) == len(X)
    assert shown.page.is_hidden("#c-twin")
    assert counted(shown) == []
    shown.close(path)


def test_snapshots_are_a_slider_the_difference_is_coloured_and_the_address_keeps_it(browser, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 9, 2)).astype(np.float32)
    y = np.where(X[:, 0, 0] > 0, "up", "down")
    clf = gruvy.GRUClassifier(6, max_epochs=8, random_state=0, snapshots=3).fit(X, y)
    path = tmp_path / "page.html"
    explain(clf, X, path, y)
    shown = Shown(browser, path)
    names = ["before training", "epoch 4", "epoch 8"]
    assert shown.ask("data.twins.map(one => one.name)") == names
    for k in (2, 0, 1):
        shown.slide("twin-slide", k)
        assert shown.page.input_value("#twin") == str(k)
        assert names[k] in shown.page.inner_text("#twin-says")
        assert names[k] in shown.page.inner_text("#twin-gate-name")
    i = order_of(shown)[0]
    snapshot = clf.snapshots_[4]
    text, code = said(shown, "c-twin", 3.5, 2.5)
    unit = shown.ask("view.order[2]")
    assert text.startswith(f"epoch 4, unit {unit}, step 4: ")
    names_in = {"twin": snapshot, "model": clf, "X": X}
    *imports, line = code.split("\n")
    exec("\n".join(imports), names_in)
    assert same(text.rsplit(" ", 1)[1], eval(line, names_in))
    # the gates' difference, unit by unit
    shown.page.check("#w-moved")
    assert shown.page.inner_text("#gate-name").startswith("Difference of the update gate")
    seen, both = shown.ask("charts.get(document.getElementById('c-gate')).read(3.5, 2.5).text"), []
    both = [trace(m, X[i][None]).update[0, 0, 3, unit] for m in (exact(Model.of(clf)), exact(snapshot))]
    assert same(seen.rsplit(" ", 1)[1], both[0] - both[1])
    assert not same(seen.rsplit(" ", 1)[1], both[1] - both[0])
    # what lies between the answers is coloured, once for each class that is drawn
    areas = shown.page.locator("#c-answer [data-mark=area] path")
    assert areas.count() == 2
    shown.page.wait_for_timeout(400)
    assert "beside=1" in shown.page.url
    other_tab = Shown(browser, path, at=shown.page.url)
    assert other_tab.page.input_value("#twin") == "1"
    final = answers(exact(snapshot), X[i][None])[0][-1]
    said_there = [(key, text) for key, text in numbers(other_tab).items() if key in ("twin.0", "twin.1")]
    assert [p for p in said_there if not same(p[1], final[int(p[0][-1])])] == []
    assert (shown.said, other_tab.said) == ([], [])
    other_tab.context.close()
    shown.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_can_be_used_by_everybody(browser, tmp_path, theme):
    parts, X, y = make(*NETS["tutorial"])
    path = tmp_path / "page.html"
    explain(parts, X, path, y, against={"one": other(parts, 1), "two": other(parts, 2, units=3)})
    shown = Shown(browser, path, color_scheme=theme)
    shown.page.focus("#twin-slide")
    shown.page.keyboard.press("ArrowLeft")
    assert shown.page.get_attribute("#twin-slide", "aria-valuetext") == "one"
    assert shown.page.is_visible("#c-twin")
    assert violations(shown.page) == []
    shown.close(path)


@pytest.mark.parametrize(
    ("against", "words"),
    [
        (
            lambda p: small_model(random_weights(np.random.default_rng(0), CONVENTIONS[0], I=2)),
            "2 channels, expected 3",
        ),
        (lambda p: small_model(p.weights, p.V, p.b_y, "last", "classify", classes=("a", "b", "c")), "other classes"),
        (lambda p: small_model(p.weights, p.V, p.b_y, "last", "tag", classes=tuple(EVIL)), "is tag, expected classify"),
        (lambda p: {"x": 7}, r"against\['x'\]: int, expected"),
        (lambda p: "model", "against: str, expected"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(tmp_path, against, words):
    parts, X, y = make(*NETS["tutorial"])
    with pytest.raises((InputError, InputTypeError), match=words):
        explain(parts, X, tmp_path / "page.html", y, against=against(parts))
    assert not (tmp_path / "page.html").exists()


def test_of_too_many_some_stay_evenly_spread_and_a_large_net_has_none():
    parts, _, _ = make(*NETS["tutorial"])
    nets = {str(k): other(parts, k) for k in range(9)}
    size = 4 * (sum(a.size for _, _, a in nets["0"].weights.arrays()) + nets["0"].V.size)
    notes: list[str] = []
    assert list(fitting(parts, Others(nets, asked=True), 10, 9 * size, notes)) == list("012345678")
    assert notes == []
    assert list(fitting(parts, Others(nets, asked=True), 10, 3 * size, notes)) == ["0", "4", "8"]
    assert notes == ["Of 9 nets to compare with, this page has room for 3."]
    # many steps of it are too many to be run at once
    for asked in (True, False):
        given = Others(nets, asked)
        if asked:
            with pytest.raises(InputError, match="too large for a page that runs two nets"):
                fitting(parts, given, 10_000_000, 3 * size, notes)
        else:
            assert fitting(parts, given, 10_000_000, 3 * size, notes) == {}
            assert notes[-1].startswith("The epochs of the training are left out: ")
