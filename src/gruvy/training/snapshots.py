"""The weights at some epochs of a run, evenly spread over it, however long it becomes."""

from __future__ import annotations

import torch


class Snapshots(dict[int, dict[str, torch.Tensor]]):
    """A module's `state_dict` by epoch; 0: before the first."""

    def __repr__(self) -> str:
        return f"Snapshots of epochs {', '.join(map(str, sorted(self)))}" if self else "Snapshots of no epoch"

    def see(self, epoch: int, module: torch.nn.Module, most: int) -> None:
        """Keep the module as it is after this epoch, if it is due; of those kept before, all but `most` go."""
        due = epochs_kept(most, epoch)
        for old in set(self) - set(due):
            del self[old]
        if epoch in due:
            self[epoch] = {name: t.detach().to("cpu", copy=True) for name, t in module.state_dict().items()}


def epochs_kept(most: int, epochs: int) -> range:
    """After so many epochs: from 0 on every one, every second, every fourth, ..., so that there are at most `most`.

    Example:
        >>> list(epochs_kept(4, 3)), list(epochs_kept(4, 9)), list(epochs_kept(0, 9))
        ([0, 1, 2, 3], [0, 4, 8], [])
    """
    if not most:
        return range(0)
    every = 1
    while epochs // every >= most:
        every *= 2
    return range(0, epochs + 1, every)
