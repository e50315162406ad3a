"""What ``"auto"`` stands for: a reading and a start that suit how long the sequences are."""

from __future__ import annotations

LONG = 192  # steps, from which the last state alone has forgotten too much
SHARE = 4  # a state left alone decays in this part of a sequence's usual length


def chosen(pooling: str, init: str, steps: float) -> dict[str, str]:
    """`pooling` and `init` as given, or what suits sequences of so many steps in the mean: see docs/accuracy.md.

    Example:
        >>> chosen("auto", "auto", 24), chosen("auto", "uniform", 250)
        ({'pooling': 'last', 'init': 'remember:6'}, {'pooling': 'max', 'init': 'uniform'})
    """
    return {
        "pooling": ("max" if steps >= LONG else "last") if pooling == "auto" else pooling,
        "init": f"remember:{max(1.0, steps / SHARE):g}" if init == "auto" else init,
    }
