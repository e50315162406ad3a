"""The compiled core, if this build has it and this processor can run it, and the instruction set that it uses."""

from __future__ import annotations

import functools
import importlib
import os
import time
import warnings
from typing import Any, NamedTuple

from ..errors import EngineError
from .threads import threads

core: Any = None
try:
    core = importlib.import_module("gruvy._core")
except ImportError as _error:
    _missing = "this build has no native core" if isinstance(_error, ModuleNotFoundError) else str(_error)
    if os.environ.get("GRUVY_NATIVE") == "require":
        raise EngineError(f"GRUVY_NATIVE=require: {_missing}") from _error


class Info(NamedTuple):
    """The instruction set in use and why, the threads of a call by default, and every build: (name, runs here)."""

    isa: str
    reason: str
    threads: int
    builds: tuple[tuple[str, bool], ...]


@functools.cache
def _selected() -> tuple[str | None, str]:
    """The name of the instruction set in use, or None, and why."""
    if core is None:
        return None, _missing
    asked = os.environ.get("GRUVY_ISA")
    builds = core.isas()
    if asked:
        for name, supported, _, needs in builds:
            if name == asked:
                if not supported:
                    raise EngineError(f"GRUVY_ISA={asked}: this processor lacks {needs}")
                return name, f"GRUVY_ISA={asked}"
        raise EngineError(f"GRUVY_ISA={asked}: this build has {', '.join(b[0] for b in builds)}")
    for name, supported, automatic, needs in builds:
        if supported and automatic:
            return name, "the portable build" if name == "generic" else f"this processor has {needs}"
    return None, (
        "this processor lacks AVX2 and FMA, without which NumPy is faster; its last bits may differ from "
        "the core's, which GRUVY_ISA=generic forces"
    )


def isa() -> str:
    """The name of the instruction set in use."""
    name, reason = _selected()
    if name is None:
        raise EngineError(f"no native engine: {reason}")
    return name


def available() -> tuple[bool, str]:
    """Whether the native engine is there, and why, or why not.

    Raises:
        EngineError: the environment variable ``GRUVY_ISA`` names an instruction set that this processor or this build
            does not have.
    """
    name, reason = _selected()
    return name is not None, reason if name is None else f"native core, {name}: {reason}"


if core is not None and os.environ.get("GRUVY_NATIVE") == "require":
    isa()


@functools.cache
def warn_without(why: str) -> None:
    """Say once that calls which the core is for run without it."""
    warnings.warn(f"gruvy runs without its native core, slowly: {why}; see `gruvy doctor`", stacklevel=4)


def info() -> Info:
    """What `gruvy doctor` prints.

    Raises:
        EngineError: there is no native engine; the text says why.
    """
    return Info(isa(), _selected()[1], threads(), tuple((b[0], b[1]) for b in core.isas()))


def peak(rounds: int) -> tuple[float, float]:
    """Float32 fused multiply-adds in registers alone: operations a second of this call, and operations done."""
    start = time.perf_counter()
    operations: float = core.peak(rounds, isa())
    return operations / (time.perf_counter() - start), operations
