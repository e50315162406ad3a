"""The checkpoint of a run in one process or many: the first reads and writes the file, and all hear how it went."""

from __future__ import annotations

import hashlib
import os
import warnings
from dataclasses import fields
from itertools import chain
from typing import Any

import numpy as np
import torch

from .. import files
from ..errors import InputError
from ..model.task import Task
from . import checkpoint
from .batches import Batches
from .processes import Alone, Together
from .settings import Settings
from .shards import ShardBatches

MAY_DIFFER = ("device", "progress", "checkpoint", "checkpoint_seconds", "on_epoch")  # when a run goes on


def fingerprint(
    module: torch.nn.Module, task: Task, settings: Settings, data: Batches | ShardBatches, validation: Batches | None
) -> str:
    """Tells a run from others: its data, settings and network."""
    digest = hashlib.sha256()
    said = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name not in MAY_DIFFER}
    shapes = [(name, tuple(p.shape)) for name, p in module.named_parameters()]
    digest.update(repr((said, shapes, repr(module), task.name, validation is None)).encode())
    for a in chain(data.content(), () if validation is None else validation.content()):
        digest.update(np.ascontiguousarray(a).tobytes())
    return digest.hexdigest()


class Keeper:
    """Where a run is kept; every process calls its methods, with the same state."""

    def __init__(self, path: str | os.PathLike[str], processes: Alone | Together, fingerprint: str) -> None:
        self.path, self.processes, self.fingerprint = path, processes, fingerprint
        self.told = False

    def begin(self, state: dict[str, Any]) -> None:
        """Write before the first step: a checkpoint that cannot be written is known then.

        Raises:
            InputError: it cannot be written.
        """
        trouble = self.processes.share(self._write(state))
        if trouble is not None:
            raise InputError(trouble)

    def write(self, state: dict[str, Any]) -> None:
        """Write; a full disk ends no training."""
        trouble = self._write(state)
        if trouble is not None and not self.told:
            warnings.warn(f"{trouble}; training goes on without", stacklevel=4)
            self.told = True

    def _write(self, state: dict[str, Any]) -> str | None:
        """What is in the way, in words."""
        if self.processes.rank == 0:
            try:
                checkpoint.write(self.path, {"fingerprint": self.fingerprint, **state})
            except OSError as error:
                return f"checkpoint {str(self.path)!r}: cannot be written: {error.strerror}"
        return None

    def read(self, like: dict[str, Any], epochs: int) -> dict[str, Any] | None:
        """The state to go on from, or None where there is no file yet; arguments as `checkpoint.check`.

        Raises:
            InputError, ModelFileError: it cannot be written, is of another run or damaged.
        """
        found: Any = None
        if self.processes.rank == 0:  # the only one that needs to see the file
            try:
                files.check_place(self.path, f"checkpoint {str(self.path)!r}")
                files.clear(self.path)
                found = checkpoint.read(self.path, self.fingerprint)
                if found is not None:
                    checkpoint.check(self.path, found, {"fingerprint": self.fingerprint, **like}, epochs)
            except InputError as error:
                found = error
        found = self.processes.share(found)
        if isinstance(found, InputError):
            raise found
        state: dict[str, Any] | None = found
        return state
