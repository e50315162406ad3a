"""Initial weights of a `gruvy.GRU`."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from ..errors import InputError


def keeping_bias(steps: float) -> float:
    """The bias a with which a gate σ(a) that multiplies a state in every step leaves 1/e of it after so many steps.

    Example:
        >>> round(float(torch.sigmoid(torch.tensor(keeping_bias(100))) ** 100), 4)
        0.3679
    """
    return -math.log(math.expm1(1 / steps))


def initialise(parameters: Mapping[str, torch.nn.Parameter], H: int, keeps: bool, init: str) -> None:
    """Set every parameter of a network in place.

    Args:
        parameters: by their names in `gruvy.GRU`. H: hidden units. keeps: what a high update gate does.
        init: ``"glorot"``: W and V uniform in ±sqrt(6 / (inputs + units)) gate by gate (Glorot and Bengio 2010), U
            orthogonal gate by gate (Saxe et al. 2014), biases 0. ``"uniform"``: all uniform in ±1/sqrt(hidden units),
            as torch. ``"remember:n"``: as glorot, with the update gate biased so that at zero input a state decays
            to 1/e in n steps (after Tallec and Ollivier 2018, one n for all units).

    Raises:
        InputError: there is no such scheme.
    """
    scheme, colon, steps = str(init).partition(":")
    n = 1.0
    if scheme == "remember":
        try:
            n = float(steps)
        except ValueError:
            n = 0.0
    if scheme not in ("glorot", "uniform", "remember") or (colon and scheme != "remember") or not 0 < n < math.inf:
        raise InputError(f'init={init!r}: expected "glorot", "uniform" or "remember:n", n steps above 0')
    with torch.no_grad():
        for name, parameter in parameters.items():
            if scheme == "uniform":
                torch.nn.init.uniform_(parameter, -1 / math.sqrt(H), 1 / math.sqrt(H))
            elif name.startswith("U_"):
                for gate in parameter.chunk(3):
                    torch.nn.init.orthogonal_(gate)
            elif name.startswith("W_"):
                for gate in parameter.chunk(3):
                    torch.nn.init.xavier_uniform_(gate)
            elif name == "V":
                torch.nn.init.xavier_uniform_(parameter)
            else:
                torch.nn.init.zeros_(parameter)
        if scheme == "remember":
            keeping = keeping_bias(n)  # the gate that keeps is σ(b_z), the one that adds 1 - σ(b_z)
            for name, parameter in parameters.items():
                if name.startswith("b_l"):
                    parameter[H : 2 * H] = keeping if keeps else -keeping
