"""oneDNN's `lbr_gru` through its C interface, from the library that the package `onednn` installs."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
from pathlib import Path
from typing import Any

import numpy as np

from .problem import Array, Mode, Problem

# Values of oneDNN's C enumerations (oneapi/dnnl/dnnl_types.h, version 3).
CPU, F32, ANY, LEFT_TO_RIGHT, OVERWRITE = 1, 3, 1, 1, 1
TRAINING, INFERENCE, BACKWARD = 64, 96, 128
TNC, LDIGO, LDGO = 4, 6, 5
SRC, WEIGHTS, RECURRENT, BIAS, DST, WORKSPACE, DIFF = 1, 33, 34, 41, 17, 64, 128
REORDER_FROM, REORDER_TO = 1, 17
QUERY_WORKSPACE, QUERY_ARGUMENT = 135, 255


class _Argument(ctypes.Structure):
    _fields_ = (("index", ctypes.c_int), ("memory", ctypes.c_void_p))


def library() -> Path:
    """The shared library inside the installed package.

    Raises:
        ImportError: the package is not installed, or has no such file.
    """
    try:
        files = importlib.metadata.files("onednn") or []
    except importlib.metadata.PackageNotFoundError as error:
        raise ImportError("onednn is not installed") from error
    for file in files:
        if file.name.startswith("libdnnl.so"):
            return Path(str(file.locate())).resolve()
    raise ImportError("onednn is installed without libdnnl.so")


def _open(path: Path) -> ctypes.CDLL:
    """Open a library whose own libraries lie beside it, where the system does not look."""
    while True:
        try:
            return ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            missing = path.parent / str(error).partition(":")[0]
            if missing == path or not missing.exists():
                raise
            _open(missing)


class OneDNN:
    """One GRU as oneDNN primitives; weights are given anew on every call, as training must.

    Args:
        problem: what to compute. mode: ``"train"`` or ``"infer"``.
    """

    def __init__(self, problem: Problem, mode: Mode) -> None:
        path = library()
        # This build computes through SYCL, whose CPU device is an OpenCL driver that lies beside the library.
        os.environ.setdefault("OCL_ICD_FILENAMES", str(path.parent / "libintelocl.so"))
        self._dll = _open(path)
        self._dll.dnnl_primitive_desc_query_md.restype = ctypes.c_void_p
        self._dll.dnnl_memory_desc_get_size.restype = ctypes.c_size_t
        self._engine = self._new("dnnl_engine_create", CPU, ctypes.c_size_t(0))
        self._stream = self._new("dnnl_stream_create", self._engine, 1)
        self._mode, self._shape = mode, problem.shape
        self._jobs: list[tuple[ctypes.c_void_p, Any, int]] = []
        self._memories: dict[int, tuple[ctypes.c_void_p, ctypes.c_void_p]] = {}
        T, B, I, H = problem.shape
        plain = {
            SRC: self._layout((T, B, I), TNC),
            WEIGHTS: self._layout((1, 1, I, 3, H), LDIGO),
            RECURRENT: self._layout((1, 1, H, 3, H), LDIGO),
            BIAS: self._layout((1, 1, 4, H), LDGO),
            DST: self._layout((T, B, H), TNC),
        }
        free = {
            **plain,
            WEIGHTS: self._layout((1, 1, I, 3, H), ANY),
            RECURRENT: self._layout((1, 1, H, 3, H), ANY),
        }
        tensors = [free[SRC], None, free[WEIGHTS], free[RECURRENT], free[BIAS], free[DST], None]
        kind = TRAINING if mode == "train" else INFERENCE
        asked = (kind, LEFT_TO_RIGHT, *tensors, 0, None)
        forward = self._new("dnnl_lbr_gru_forward_primitive_desc_create", self._engine, *asked)
        self._give(plain, _arrays(problem))
        self._add(forward, {a: self._memories[a] for a in (SRC, WEIGHTS, RECURRENT, BIAS, DST)}, (WEIGHTS, RECURRENT))
        if mode == "train":
            given = (BACKWARD, LEFT_TO_RIGHT, *tensors, *tensors, OVERWRITE, forward, None)
            backward = self._new("dnnl_lbr_gru_backward_primitive_desc_create", self._engine, *given)
            self._give({DIFF + a: md for a, md in plain.items()}, {DIFF + DST: problem.dy})
            self._add(backward, dict(self._memories), (WEIGHTS, RECURRENT, DIFF + WEIGHTS, DIFF + RECURRENT))

    def _call(self, name: str, *args: Any) -> None:
        status = getattr(self._dll, name)(*args)
        if status:
            raise RuntimeError(f"oneDNN: {name} gave status {status}")

    def _new(self, name: str, *args: Any) -> ctypes.c_void_p:
        made = ctypes.c_void_p()
        self._call(name, ctypes.byref(made), *args)
        return made

    def _layout(self, sizes: tuple[int, ...], tag: int) -> ctypes.c_void_p:
        dims = (ctypes.c_int64 * 12)(*sizes)
        return self._new("dnnl_memory_desc_create_with_tag", len(sizes), dims, F32, tag)

    def _memory(self, layout: Any) -> ctypes.c_void_p:
        return self._new("dnnl_memory_create", layout, self._engine, ctypes.c_void_p(-1))

    def _give(self, layouts: dict[int, Any], values: dict[int, Array]) -> None:
        for argument, layout in layouts.items():
            memory = self._memory(layout)
            self._memories[argument] = (memory, layout)
            if argument in values:
                self._copy(memory, values[argument], write=True)

    def _copy(self, memory: ctypes.c_void_p, array: Array, write: bool) -> None:
        mapped = self._new_mapped(memory)
        ours = array.ctypes.data_as(ctypes.c_void_p)
        ctypes.memmove(*((mapped, ours) if write else (ours, mapped)), array.nbytes)
        self._call("dnnl_memory_unmap_data", memory, mapped)

    def _new_mapped(self, memory: ctypes.c_void_p) -> ctypes.c_void_p:
        mapped = ctypes.c_void_p()
        self._call("dnnl_memory_map_data", memory, ctypes.byref(mapped))
        return mapped

    def _add(self, description: Any, memories: dict[int, Any], packed: tuple[int, ...]) -> None:
        """Queue a primitive; arguments whose layout it chose itself are reordered from (or to) the plain ones."""
        actual, after = {}, []
        for argument, (memory, layout) in memories.items():
            actual[argument] = memory
            if argument not in packed:
                continue
            query = self._dll.dnnl_primitive_desc_query_md
            chosen = ctypes.c_void_p(query(description, QUERY_ARGUMENT, argument))
            actual[argument] = own = self._memory(chosen)
            into, out_of = (layout, memory), (chosen, own)
            source, target = (out_of, into) if argument > DIFF else (into, out_of)
            job = self._reorder(source, target)
            if argument > DIFF:
                after.append(job)
            else:
                self._jobs.append(job)
        workspace = ctypes.c_void_p(self._dll.dnnl_primitive_desc_query_md(description, QUERY_WORKSPACE, 0))
        if self._mode == "train":
            if WORKSPACE not in self._memories:
                self._memories[WORKSPACE] = (self._memory(workspace), workspace)
            actual[WORKSPACE] = self._memories[WORKSPACE][0]
        self._jobs.append(self._job(description, actual))
        self._jobs += after

    def _reorder(self, source: Any, target: Any) -> Any:
        description = self._new(
            "dnnl_reorder_primitive_desc_create", source[0], self._engine, target[0], self._engine, None
        )
        return self._job(description, {REORDER_FROM: source[1], REORDER_TO: target[1]})

    def _job(self, description: Any, memories: dict[int, Any]) -> Any:
        primitive = self._new("dnnl_primitive_create", description)
        arguments = (_Argument * len(memories))(*(_Argument(index, memory) for index, memory in memories.items()))
        return primitive, arguments, len(memories)

    def run(self) -> None:
        """Compute once."""
        for primitive, arguments, count in self._jobs:
            self._call("dnnl_primitive_execute", primitive, self._stream, count, arguments)
        self._call("dnnl_stream_wait", self._stream)

    def result(self) -> dict[str, Array]:
        """States and, in training, the gradients of inputs and recurrent weights, in torch's layout."""
        T, B, I, H = self._shape
        y = np.empty((T, B, H), np.float32)
        self._copy(self._memories[DST][0], y, write=False)
        if self._mode == "infer":
            return {"y": y}
        dx, dU = np.empty((T, B, I), np.float32), np.empty((H, 3, H), np.float32)
        self._copy(self._memories[DIFF + SRC][0], dx, write=False)
        self._copy(self._memories[DIFF + RECURRENT][0], dU, write=False)
        return {"y": y, "dx": dx, "dU": dU[:, [1, 0, 2]].transpose(1, 2, 0).reshape(3 * H, H)}


def _arrays(problem: Problem) -> dict[int, Array]:
    """Weights (3H, I) in the order r, z, n as oneDNN's (I, 3, H) in the order u (our z), r, o (our n)."""
    H = problem.shape.H

    def matrix(a: Array) -> Array:
        return np.ascontiguousarray(a.reshape(3, H, -1)[[1, 0, 2]].transpose(2, 0, 1))

    b, c = problem.state["bias_ih_l0"].reshape(3, H), problem.state["bias_hh_l0"].reshape(3, H)
    return {
        SRC: problem.x,
        WEIGHTS: matrix(problem.state["weight_ih_l0"]),
        RECURRENT: matrix(problem.state["weight_hh_l0"]),
        BIAS: np.ascontiguousarray(np.stack([b[1] + c[1], b[0] + c[0], b[2], c[2]])),
    }
