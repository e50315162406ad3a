"""The lab's verdicts at several seeds: what is counted, by planted verdicts; what the page says of the last count."""

from __future__ import annotations

import re

import pytest

import lab_seeds

FOUND = {
    "gradients": ["holds only when a", "holds only when a", "holds only when b"],
    "early": ["holds", "holds", "holds"],
    "answer": ["does not hold", "does not hold", "does not hold"],
    "order": ["holds", "cannot tell", "cannot tell"],
    "speech": ["cannot tell", "not run", "cannot tell"],
}


def test_what_is_counted():
    assert lab_seeds.differing(FOUND) == []
    assert lab_seeds.deciding(FOUND) == [4, 3, 3]
    assert lab_seeds.undecided(FOUND) == []


@pytest.mark.parametrize("other", ["does not hold", "holds only when x"])
def test_a_verdict_that_differs_is_seen(other):
    assert lab_seeds.differing(FOUND | {"order": ["holds", "cannot tell", other]}) == ["order"]


def test_one_that_should_always_decide_and_does_not_is_seen():
    assert lab_seeds.undecided(FOUND | {"early": ["holds", "cannot tell", "holds"]}) == ["early"]


def test_the_table(tmp_path):
    said = lab_seeds.text(FOUND, {"A claim.": ["holds", "holds", "cannot tell"]})
    assert "aside: none." in said
    assert "decide at each seed: 4, 3, 3." in said
    assert "| `gradients` | holds only when … | holds only when … | holds only when … | a; b |\n" in said
    assert "| A claim. | holds | holds | cannot tell |  |\n" in said
    page = tmp_path / "lab.md"
    page.write_text(f"before\n{lab_seeds.BEGIN}old{lab_seeds.END}after\n", encoding="utf-8")
    lab_seeds.write(page, said)
    assert page.read_text(encoding="utf-8") == f"before\n{lab_seeds.BEGIN}{said}{lab_seeds.END}after\n"


def test_what_is_there_is_judged_without_measuring(tmp_path):
    pytest.importorskip("torch")
    from rich.console import Console

    from gruvy import lab

    lab.run(tmp_path / "seed-0", only=["squash"], console=Console(quiet=True))
    found = {r.experiment.name: r.said for r in lab_seeds.measured(tmp_path / "seed-0", 0).results}
    assert found.pop("squash") == "holds only when σ is meant, not tanh"
    assert set(found.values()) == {"not run"}


def test_the_page_has_what_was_asked_of_the_lab():
    """None differs; at least eight of twelve decide; gradients, early and answer always."""
    pytest.importorskip("torch")
    from gruvy import lab

    page = lab_seeds.PAGE.read_text(encoding="utf-8")
    said = page[page.index(lab_seeds.BEGIN) : page.index(lab_seeds.END)]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in said.splitlines() if line.startswith("| `")
    ]
    found = {cells[0].strip("`"): [v.replace(" …", "") for v in cells[1:-1]] for cells in rows}
    assert list(found) == list(lab.EXPERIMENTS)
    assert {len(verdicts) for verdicts in found.values()} == {5}
    assert {v for verdicts in found.values() for v in verdicts} <= {
        "holds", "holds only when", "does not hold", "cannot tell", "not run",
    }  # fmt: skip
    assert lab_seeds.differing(found) == []
    assert min(lab_seeds.deciding(found)) >= 8
    assert lab_seeds.undecided(found) == []
    counted = re.search(r"decide at each seed: ([\d, ]+)\.", said)
    assert counted
    assert [int(n) for n in counted[1].split(", ")] == lab_seeds.deciding(found)
