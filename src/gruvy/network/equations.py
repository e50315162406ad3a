"""The equations of one network, as it is: convention, layers, directions, read-out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .net import GRU

_POOLED = {"mean": "mean", "max": "maximum"}


@dataclass(frozen=True)
class Equations:
    """Equations as plain text and as LaTeX; printed they are text, and a notebook draws them."""

    text: str
    latex: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return f"$${self.latex}$$"


def equations(net: GRU) -> Equations:
    """The equations of a network, and below them what its sizes, layers and directions add."""
    said = [f"x_t: {net.input_units} numbers, h_t: {net.hidden_units}, y_t: {net.output_units}"]
    if net.layers > 1:
        said.append(f"{net.layers} layers: x_t of a higher layer is h_t of the one below; y_t reads the highest")
    if net.bidirectional:
        said.append(
            "both directions: other weights of the same form read from the end; above, h_t is both states joined"
        )
    if net.pooling != "last":
        said.append(f"the answer for a whole sequence reads the {_POOLED[net.pooling]} of h_t over its steps")
    notes = " \\\\\n".join(rf"&\text{{{_mathematical(line)}}}" for line in said)
    latex = net.convention.latex(readout=True).replace("\n\\end{aligned}", f" \\\\\n{notes}\n\\end{{aligned}}")
    return Equations("\n".join([net.convention.text(readout=True), *said]), latex)


def _mathematical(line: str) -> str:
    """Letters inside LaTeX text, set as mathematics."""
    return re.sub(r"\b([xhy])_t\b", r"$\1_t$", line)
