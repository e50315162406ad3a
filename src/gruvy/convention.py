"""The two switches that make "GRU" four different functions, their names, and the equations they stand for."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from .errors import ConventionError

Reset = Literal["before", "after"]
Update = Literal["adds", "keeps"]

# Symbol tables: the same equations, rendered as text and as LaTeX.
_TEXT = {
    "z": "z_t",
    "r": "r_t",
    "n": "h̃_t",
    "x": "x_t",
    "h": "h_{t-1}",
    "out": "h_t",
    "y": "y_t",
    "W": "W_{}",
    "U": "U_{}",
    "b": "b_{}",
    "c": "c_h",
    "V": "V",
    "sigma": "σ",
    "tanh": "tanh",
    "times": " ∘ ",
}
_LATEX = {
    **_TEXT,
    "n": r"\tilde h_t",
    "sigma": r"\sigma",
    "tanh": r"\tanh",
    "times": r" \circ ",
}
_POOLED = {"mean": "mean", "max": "maximum"}
_MEANING = {"z": "update gate", "r": "reset gate", "n": "candidate", "out": "state", "y": "read-out"}


def _columns(text: str) -> int:
    """Columns that a text takes on screen: the tilde of h̃ is a character of its own and takes none."""
    return sum(not unicodedata.combining(ch) for ch in text)


def _mathematical(line: str) -> str:
    """Letters inside LaTeX text, set as mathematics."""
    return re.sub(r"\b([xhy])_t\b", r"$\1_t$", line)


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


@dataclass(frozen=True)
class Convention:
    """Which of the four functions called "GRU" is meant.

    Args:
        reset: where the reset gate acts on the candidate. ``"before"``: ``U_h (r ∘ h)``, as in Cho et al. 2014 and
            the tutorial; ``"after"``: ``r ∘ (U_h h + c_h)``, as in torch and cuDNN, with its own recurrent bias.
        update: what a high update gate does. ``"adds"``: ``(1-z) ∘ h + z ∘ h̃``; ``"keeps"``: ``(1-z) ∘ h̃ + z ∘ h``.

    Raises:
        ConventionError: a switch has another value.

    Example:
        >>> Convention("before", "adds").name
        'tutorial'
        >>> print(Convention.of("tutorial").text())
        z_t = σ(W_z x_t + U_z h_{t-1} + b_z)                 update gate
        r_t = σ(W_r x_t + U_r h_{t-1} + b_r)                 reset gate
        h̃_t = tanh(W_h x_t + U_h (r_t ∘ h_{t-1}) + b_h)      candidate
        h_t = (1 - z_t) ∘ h_{t-1} + z_t ∘ h̃_t                state
    """

    reset: Reset = "before"
    update: Update = "adds"

    def __post_init__(self) -> None:
        if self.reset not in ("before", "after"):
            raise ConventionError(f'reset={self.reset!r}: expected "before" or "after"')
        if self.update not in ("adds", "keeps"):
            raise ConventionError(f'update={self.update!r}: expected "adds" or "keeps"')

    @classmethod
    def of(cls, convention: str | Convention) -> Convention:
        """The convention that a name or a `Convention` stands for.

        Args:
            convention: ``"tutorial"`` (before, adds), ``"torch"`` (after, keeps), ``"onnx"`` (before, keeps), or a
                `Convention`. ``str(convention)`` of any convention is accepted too.

        Raises:
            ConventionError: the name is unknown.

        Example:
            >>> Convention.of("torch")
            Convention(reset='after', update='keeps')
        """
        if isinstance(convention, Convention):
            return convention
        if isinstance(convention, str):
            if convention in PRESETS:
                return PRESETS[convention]
            reset, _, update = convention.partition(",")
            if reset in ("before", "after") and update in ("adds", "keeps"):
                return cls(reset, update)  # type: ignore[arg-type]
        names = ", ".join(f'"{name}"' for name in PRESETS)
        raise ConventionError(f"convention={convention!r}: expected {names} or a gruvy.Convention")

    @property
    def name(self) -> str:
        """The preset's name, or the two switches joined by a comma."""
        return _NAMES.get((self.reset, self.update)) or f"{self.reset},{self.update}"

    def __str__(self) -> str:
        return self.name

    @property
    def keeps(self) -> bool:
        """True where a high update gate keeps the old state."""
        return self.update == "keeps"

    @property
    def gates(self) -> int:
        """Numbers per unit and step that the backward pass needs: r, z, n, and with reset after U_h h + c_h."""
        return 4 if self.reset == "after" else 3

    def text(self, readout: bool = False) -> str:
        """The equations as aligned plain text; ``readout=True`` adds ``y_t = V h_t + b_y``."""
        rows = self._equations(_TEXT, readout)
        formulas = [f"{left} = {right}" for left, right, _ in rows]
        width = 6 + max(map(_columns, formulas))
        return "\n".join(
            f + " " * (width - _columns(f)) + meaning for f, (_, _, meaning) in zip(formulas, rows, strict=True)
        )

    def latex(self, readout: bool = False) -> str:
        r"""The equations as a LaTeX ``aligned`` block; ``readout=True`` adds the read-out."""
        rows = self._equations(_LATEX, readout)
        lines = [rf"{left} &= {right} && \text{{{meaning}}}" for left, right, meaning in rows]
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def equations(
        self,
        input_units: int,
        hidden_units: int,
        output_units: int,
        layers: int = 1,
        bidirectional: bool = False,
        pooling: str = "last",
    ) -> Equations:
        """The equations of a network, and below them what its sizes, layers, directions and pooling add."""
        said = [f"x_t: {input_units} numbers, h_t: {hidden_units}, y_t: {output_units}"]
        if layers > 1:
            said.append(f"{layers} layers: x_t of a higher layer is h_t of the one below; y_t reads the highest")
        if bidirectional:
            said.append(
                "both directions: other weights of the same form read from the end; above, h_t is both states joined"
            )
        if pooling != "last":
            said.append(f"the answer for a whole sequence reads the {_POOLED[pooling]} of h_t over its steps")
        notes = " \\\\\n".join(rf"&\text{{{_mathematical(line)}}}" for line in said)
        latex = self.latex(readout=True).replace("\n\\end{aligned}", f" \\\\\n{notes}\n\\end{{aligned}}")
        return Equations("\n".join([self.text(readout=True), *said]), latex)

    def _equations(self, s: dict[str, str], readout: bool) -> list[tuple[str, str, str]]:
        x, h, times = s["x"], s["h"], s["times"]

        def gate(g: str) -> str:
            return f"{s['sigma']}({s['W'].format(g)} {x} + {s['U'].format(g)} {h} + {s['b'].format(g)})"

        W, U, b = s["W"].format("h"), s["U"].format("h"), s["b"].format("h")
        if self.reset == "before":
            inner = f"{W} {x} + {U} ({s['r']}{times}{h}) + {b}"
        else:
            inner = f"{W} {x} + {b} + {s['r']}{times}({U} {h} + {s['c']})"
        kept, added = (s["n"], h) if self.keeps else (h, s["n"])
        rows = [
            (s["z"], gate("z"), _MEANING["z"]),
            (s["r"], gate("r"), _MEANING["r"]),
            (s["n"], f"{s['tanh']}({inner})", _MEANING["n"]),
            (s["out"], f"(1 - {s['z']}){times}{kept} + {s['z']}{times}{added}", _MEANING["out"]),
        ]
        if readout:
            rows.append((s["y"], f"{s['V']} {s['out']} + {s['b'].format('y')}", _MEANING["y"]))
        return rows


PRESETS: dict[str, Convention] = {
    "tutorial": Convention("before", "adds"),
    "torch": Convention("after", "keeps"),
    "onnx": Convention("before", "keeps"),
}
_NAMES = {(preset.reset, preset.update): name for name, preset in PRESETS.items()}
