"""The machine under the numbers: what it is, and the most floating-point work it can do."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from ..engines import native

PACKAGES = ("gruvy", "torch", "numpy", "onnxruntime", "onednn", "keras", "tensorflow", "tensorflow-cpu", "jax")


def describe() -> dict[str, str]:
    """Processor, operating system, Python, and the versions of everybody who competes."""
    found = {"processor": processor(), "system": platform.system(), "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """The processor's name, cores, and the widest vector instructions it has."""
    name, flags = platform.processor() or platform.machine(), ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = dict(line.split(":", 1) for line in info.read_text().split("\n\n")[0].splitlines() if ":" in line)
        rows = {key.strip(): value.strip() for key, value in lines.items()}
        name, flags = rows.get("model name", name), rows.get("flags", "")
    wide = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else ""
    return ", ".join(part for part in (name, f"{os.cpu_count()} cores", wide) if part)


def peak(threads: int, seconds: float = 0.2) -> float | None:
    """Floating-point operations per second of register-only fused multiply-adds, float32, on so many threads together.

    The best of several runs: a peak is what the machine can do, and other processes only take from it. None without
    the native core.
    """
    if not native.available()[0]:
        return None
    rate, _ = native.peak(100_000)
    rounds = int(rate * seconds / 8 / (native.peak(1)[1]))
    cores = SimpleQueue[int]()
    if hasattr(os, "sched_getaffinity"):
        for core in sorted(os.sched_getaffinity(0)):
            cores.put(core)

    def pin() -> None:  # each thread on a core of its own: two on one would halve the peak
        if not cores.empty():
            os.sched_setaffinity(0, {cores.get()})

    with ThreadPoolExecutor(threads, initializer=pin) as pool:
        runs = []
        for _ in range(8):
            start = time.perf_counter()
            done = sum(operations for _, operations in pool.map(native.peak, [rounds] * threads))
            runs.append(done / (time.perf_counter() - start))
    return max(runs)


def use_threads(threads: int) -> None:
    """Hold this process to so many cores and threads, whoever computes in it."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ[name] = str(threads)
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    import torch

    torch.set_num_threads(threads)
