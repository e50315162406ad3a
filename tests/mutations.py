"""Good files of every format in small, and ways to damage them: for the tests of hostile files."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

import gruvy
from gruvy.model.model import Model
from gruvy.model.scaler import Scaler
from gruvy.model.task import Labels, Numbers
from small_nets import random_weights

STEPS = "id,t,x,y,label\n007,1,1.5,2,up\n007,2,3,4,up\n08,1,5,6e1,down\n"


def model(path: Any, task: Any = None, **more: Any) -> None:
    """Write a small model."""
    from gruvy.model import file as model_file

    rng = np.random.default_rng(0)
    task = task or Labels(np.array(["no", "yes"]))
    O = task.units[0]
    data = Model(
        weights=random_weights(rng, gruvy.Convention.of("torch"), layers=2, dtype=np.float32),
        V=rng.normal(size=(O, 4)).astype(np.float32),
        b_y=np.zeros(O, np.float32),
        target=task,
        scaler=Scaler(np.zeros(3), np.ones(3)),
        versions={"gruvy": "0.1.0"},
        **more,
    )
    model_file.write(path, data)


def regressor(path: Any) -> None:
    model(path, Numbers(np.array([1.0, 2]), np.array([3.0, 4]), flat=False))


def rewritten(path: Any, said: Any = None, tensors: Any = None) -> None:
    """The file with its JSON (`said`, changed in place, or text that takes its place) and its tensors changed."""
    with safe_open(path, framework="np") as file:
        held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        text = file.metadata()["gruvy"]
    if callable(said):
        spoken = json.loads(text)
        said(spoken)
        text = json.dumps(spoken)
    elif said is not None:
        text = said
    if tensors is not None:
        tensors(held)
    path.write_bytes(save({name: np.ascontiguousarray(a) for name, a in held.items()}, {"gruvy": text}))


def npz(**arrays: Any) -> bytes:
    """A compressed archive."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def npy(shape: tuple[int, ...], dtype: str = "<f8", content: bytes = b"") -> bytes:
    """One array of an archive as its header has it, with whatever bytes."""
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    text = header.ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def mutated(content: bytes, changes: list[tuple[str, float, int]]) -> bytes:
    """The content with bytes changed: (what, where from 0 to 1, which byte or how many) each.

    "set" writes a byte, "flip" turns one bit, "cut" drops what follows, "drop" takes bytes out, "twice" repeats some.
    """
    for what, where, n in changes:
        at = int(where * len(content))
        if what == "set" and at < len(content):
            content = content[:at] + bytes([n]) + content[at + 1 :]
        elif what == "flip" and at < len(content):
            content = content[:at] + bytes([content[at] ^ (1 << n % 8)]) + content[at + 1 :]
        elif what == "cut":
            content = content[:at]
        elif what == "drop":
            content = content[:at] + content[at + 1 + n :]
        elif what == "twice":
            content = content[: at + 1 + n] + content[at:]
    return content


KINDS = ("set", "flip", "cut", "drop", "twice")
