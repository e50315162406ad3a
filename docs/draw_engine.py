"""The drawings and the table of docs/engine.md, from the sources of the core: python docs/draw_engine.py"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from pathlib import Path

from gruvy.inside.palette import COLOURS

DOCS = Path(__file__).parent
SOURCE = DOCS.parent / "native" / "src"
BLUE, VERMILION, GREEN, PINK, ORANGE, SKY = COLOURS
GATES = (("r", VERMILION), ("z", BLUE), ("h̃", GREEN))
PAPER, INK, FREE = "#ffffff", "#1b212b", "#e4e7ec"


def tuned() -> dict[str, str]:
    """The value of each tuned number as the source has it."""
    text = (SOURCE / "tuning.hpp").read_text(encoding="utf-8")
    lines = re.findall(r"^constexpr (?:Index|int|std::size_t) (.*?);", text, re.M)
    return dict(re.findall(r"(\w+) = ([^,]+)", ", ".join(lines)))


def number(name: str) -> int:
    value = tuned()[name]
    left, _, shift = value.partition("<<")
    return int(left) << int(shift or 0)


class Page:
    """An SVG; lengths in its own units."""

    def __init__(self, title: str, width: int, height: int) -> None:
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            f'font-family="system-ui, sans-serif" font-size="13" fill="{INK}"><title>{escape(title)}</title>',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto"><path d="M0 0L8 4L0 8z" fill="{INK}"/></marker></defs>',
            f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
        ]

    def box(self, x: float, y: float, w: float, h: float, fill: str, text: str = "", ink: str = PAPER) -> None:
        self.parts.append(f'<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="{fill}" stroke="{PAPER}"/>')
        if text:
            self.say(x + w / 2, y + h / 2 + 4.5, text, "middle", ink)

    def say(self, x: float, y: float, text: str, anchor: str = "start", ink: str = INK, bold: bool = False) -> None:
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{ink}"{weight}>{escape(text)}</text>')

    def arrow(self, *points: tuple[float, float]) -> None:
        path = "M" + "L".join(f"{x} {y}" for x, y in points)
        self.parts.append(f'<path d="{path}" fill="none" stroke="{INK}" stroke-width="1.4" marker-end="url(#tip)"/>')

    def line(self, x0: float, y0: float, x1: float, y1: float) -> None:
        self.parts.append(f'<path d="M{x0} {y0}L{x1} {y1}" stroke="{INK}" stroke-width="2" stroke-dasharray="5 3"/>')

    def __str__(self) -> str:
        return "\n".join([*self.parts, "</svg>\n"])


def panels() -> Page:
    """U as it comes, and as the tile reads it."""
    page = Page("Rows of U of the same units, of all three gates, become one panel", 760, 300)
    page.say(20, 24, "U as it comes: 3H rows of H numbers", bold=True)
    for g, (name, colour) in enumerate(GATES):
        for block in range(3):
            dim = colour if block == 1 else FREE
            page.box(
                20,
                40 + g * 78 + block * 24,
                200,
                22,
                dim,
                f"{name}, units {8 * block} to {8 * block + 7}",
                PAPER if block == 1 else INK,
            )
    page.say(300, 24, "reset after: one panel of these units, read straight on", bold=True)
    for k in range(4):
        for g, (name, colour) in enumerate(GATES):
            page.box(300 + (k * 3 + g) * 36, 60, 36, 34, colour, name)
        page.say(300 + (k * 3 + 1.5) * 36, 112, f"k = {k}", "middle")
    page.say(738, 82, "…")
    page.say(300, 132, "each box: one vector, the column k of U for 8 units (AVX2, float32)")
    page.say(300, 184, "reset before: a panel for each gate, since r is needed before h̃", bold=True)
    for g, (name, colour) in enumerate(GATES):
        for k in range(4):
            page.box(300 + k * 36 + g * 148, 200, 36, 34, colour, name)
    page.say(300, 256, "rows beyond the last unit are 0, and what they give is not kept")
    page.arrow((226, 78), (292, 78))
    page.arrow((226, 218), (292, 218))
    return page


def registers() -> Page:
    """What each register of the tile's loop holds."""
    page = Page("The registers of the loop over k: accumulators, weights, factor", 760, 330)
    wide, narrow = number("tile_rows_of_32"), number("tile_rows_of_16")
    tiles = [
        ("AVX2: 16 registers, 8 floats each", 16, narrow, 3, 1),
        ("AVX-512: 32 registers, 16 floats each", 32, wide, 3, 1),
        ("NEON: 32 registers, 4 floats each (the factor of a row: a scalar, by element)", 32, wide, 3, 1),
    ]
    y = 20
    for title, count, rows, across, factors in tiles:
        page.say(20, y + 4, title, bold=True)
        kinds = [(BLUE, "a")] * (rows * across) + [(GREEN, "w")] * across + [(ORANGE, "f")] * factors
        assert len(kinds) <= count, title  # the static_assert of tile.hpp
        for i in range(count):
            colour, letter = kinds[i] if i < len(kinds) else (FREE, "")
            page.box(
                20 + (i % 16) * 30, y + 14 + (i // 16) * 30, 28, 28, colour, letter, INK if letter == "f" else PAPER
            )
        page.say(520, y + 32, f"{rows} rows × {across} vectors = {rows * across} sums")
        page.say(520, y + 50, f"{across} weights, {factors} factor: {len(kinds)} of {count}")
        page.say(520, y + 68, f"{rows * across} multiply-adds for {rows + across} loads")
        y += 100 if count == 32 else 90
    page.say(
        20, y + 12, "a: accumulators of a row and a vector of units; w: weights at this k; f: a row's number at this k"
    )
    return page


def sweep() -> Page:
    """In which order tiles are made."""
    page = Page("A piece of a panel meets all waiting rows before the next piece", 760, 300)
    rows, steps = number("waiting_rows"), number("panel_steps")
    page.say(20, 24, "rows of the batch", bold=True)
    page.say(190, 24, f"k: pieces of {steps} steps of a panel", bold=True)
    for piece in range(3):
        for tile in range(6):
            order = piece * 6 + tile + 1
            page.box(
                190 + piece * 150,
                40 + tile * 34,
                140,
                30,
                (SKY, BLUE, GREEN)[piece],
                str(order),
                INK if piece == 0 else PAPER,
            )
    for tile in range(6):
        page.box(20, 40 + tile * 34, 140, 30, FREE, f"tile {tile + 1}", INK)
    page.say(190, 268, f"The numbers are the order. The sums of up to {rows} rows wait in memory;")
    page.say(190, 286, "the piece stays in the first cache, and the next panel comes when all rows are done.")
    page.arrow((655, 46), (655, 238))
    return page


def threads() -> Page:
    """Who computes what, and where threads meet."""
    page = Page("Threads share rows, or hidden units where rows are few", 760, 320)
    least = number("rows_of_thread")
    page.say(20, 24, f"{least} rows a thread or more: rows are shared, nobody waits", bold=True)
    for t in range(2):
        for step in range(8):
            page.box(110 + step * 62, 40 + t * 40, 60, 32, (BLUE, VERMILION)[t], f"t = {step}")
        page.say(20, 61 + t * 40, f"rows of {'AB'[t]}")
    page.say(20, 154, "fewer: hidden units are shared, and every step ends where all meet", bold=True)
    for t in range(2):
        for step in range(6):
            page.box(110 + step * 88, 170 + t * 40, 60, 32, (BLUE, VERMILION)[t], f"t = {step}")
        page.say(20, 191 + t * 40, f"units of {'AB'[t]}")
    for step in range(6):
        page.line(110 + step * 88 + 73, 164, 110 + step * 88 + 73, 250)
    page.say(20, 276, "The state of a row needs all units of the step before: that is why they meet (dashed).")
    page.say(20, 296, "Each sum is made whole by one thread, so the split changes no bit.")
    return page


def chunks() -> Page:
    """The passes over time."""
    page = Page("Chunks of steps, forward and backward", 760, 330)
    page.say(20, 24, "forward: the input products of a chunk, then its steps", bold=True)
    x = 20
    for chunk in range(3):
        page.box(x, 40, 84, 36, SKY, f"x W, {chunk + 1}", INK)
        for step in range(4):
            page.box(x + 86 + step * 38, 40, 36, 36, BLUE, f"{chunk * 4 + step}")
        x += 246
    weights = number("weights_near") >> 20
    page.say(
        20, 98, f"Up to {weights} MB of weights and from {number('few_rows')} rows on, W is read at each step instead."
    )
    page.say(20, 140, "backward: the steps of a chunk, from the last; then what is summed over its rows", bold=True)
    for t in range(2):
        x = 20
        for chunk in range(3):
            page.box(x, 156 + t * 44, 120, 36, VERMILION, f"steps of {3 - chunk}")
            page.box(
                x + 126,
                156 + t * 44,
                104,
                36,
                (GREEN, ORANGE)[chunk % 2],
                f"dW, dU of {3 - chunk}",
                INK if chunk % 2 else PAPER,
            )
            x += 246
    for chunk in range(3):
        page.line(143 + chunk * 246, 150, 143 + chunk * 246, 244)
    page.say(20, 268, "The threads meet once for each chunk (dashed). Then each sums, over all rows of the chunk,")
    page.say(20, 286, "the gradients of its own units. Two chunks are kept: one is made while the other is read.")
    least, most = number("least_chunk_rows"), number("most_chunk_rows")
    page.say(20, 304, f"A chunk has {least} to {most} rows of a step, whatever the padding and the threads.")
    return page


DRAWINGS: dict[str, Callable[[], Page]] = {each.__name__: each for each in (panels, registers, sweep, threads, chunks)}


def table() -> str:
    """Every tuned number, with the comment above it."""
    text = (SOURCE / "tuning.hpp").read_text(encoding="utf-8")
    body = text[text.index("namespace") :]
    rows, why, after = ["| number | why, and what was measured |", "| --- | --- |"], "", False
    for line in body.splitlines():
        if not line.strip():
            why = ""
        elif line.startswith("//"):
            why, after = ("" if after else f"{why} ") + line.removeprefix("//").strip(), False
        elif found := re.match(r"constexpr (?:Index|int|std::size_t) (.*?);(?:\s*// (.*))?$", line):
            said, after = (found[2] or why).strip(), True
            rows.append(
                f"| {'<br>'.join(f'`{each}`' for each in found[1].split(', '))} | {said[:1].upper() + said[1:]} |"
            )
    return "\n".join(rows)


BEGIN, END = "<!-- tuned: begin -->\n", "<!-- tuned: end -->"


def written(text: str) -> str:
    """The page with the table between its marks."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table()}\n\n{END}{tail}"


def main() -> None:
    (DOCS / "engine").mkdir(exist_ok=True)
    for name, draw in DRAWINGS.items():
        (DOCS / "engine" / f"{name}.svg").write_text(str(draw()), encoding="utf-8")
    page = DOCS / "engine.md"
    page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
