"""Time of a whole fit: `GRUClassifier` against `torch.nn.GRU` in the loop that one writes in PyTorch by hand.

    python benchmarks/fit.py [--data japanese-vowels] [--epochs 5] [--rounds 5] [--threads 1] [--seeds 3]

Both train with the same epochs, batch size, AdamW, learning rates, clipping and start, and are first checked to learn
equally well. Beside each stands its floor: the same loop where one matrix product takes the place of the recurrence.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from unittest import mock

import numpy as np
import torch
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

import gruvy
from gruvy import estimators
from gruvy.bench.machine import describe, use_threads
from gruvy.data import Sequences, load
from gruvy.network import Output

UNITS, BATCH, RATE, DECAY, CLIP = 64, 32, 5e-3, 0.01, 1.0
EPOCHS = {"spoken-digits": 12, "japanese-vowels": 40}  # to learn; enough for both to level out
SHORT = {"spoken-digits": 2, "japanese-vowels": 15}  # to time
Predict = Callable[[list[np.ndarray]], np.ndarray]


class Floor(gruvy.GRU):
    """The same parameters and read-out, but for one matrix product in place of all steps."""

    def forward(self, x: torch.Tensor, **given: object) -> Output:
        gates, own = F.linear(x[:, 0], self.W_l0, self.b_l0).tanh(), slice(-self.hidden_units, None)
        hidden = gates[:, own] @ self.U_l0[own]
        return Output(hidden, F.linear(hidden, self.V, self.b_y), hidden, hidden)


class Plain(torch.nn.Module):
    """`torch.nn.GRU` with a linear layer on its last state; packed, as one is told to, or padded and gathered."""

    def __init__(self, channels: int, classes: int, packed: bool, floor: bool) -> None:
        super().__init__()
        self.gru = torch.nn.GRU(channels, UNITS, batch_first=True)
        self.read = torch.nn.Linear(UNITS, classes)
        self.packed, self.floor = packed, floor

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        gru = self.gru
        if self.floor:
            last = F.linear(x[:, 0], gru.weight_ih_l0, gru.bias_ih_l0).tanh()[:, -UNITS:] @ gru.weight_hh_l0[-UNITS:]
        elif self.packed:
            last = gru(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))[1][-1]
        else:
            last = gru(x)[0][torch.arange(len(x)), lengths - 1]
        return self.read(last)


def by_hand(data: Sequences, epochs: int, seed: int, packed: bool, floor: bool = False) -> Predict:
    """The loop that one writes: shuffle, pad, AdamW, clipping, the estimator's learning rates."""
    mean, scale = (f(np.concatenate(data.x), 0) for f in (np.mean, np.std))
    xs = [torch.as_tensor((x - mean) / scale, dtype=torch.float32) for x in data.x]
    classes, y = np.unique(data.y, return_inverse=True)
    y = torch.as_tensor(y)
    torch.manual_seed(seed)
    net = Plain(xs[0].shape[1], len(classes), packed, floor)
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    total = epochs * math.ceil(len(xs) / BATCH)
    rates = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda k: min(10 * (k + 1) / total, 0.5 + 0.5 * math.cos(math.pi * (k / total - 0.1) / 0.9))
    )
    for _ in range(epochs):
        for rows in torch.randperm(len(xs)).split(BATCH):
            x = pad_sequence([xs[i] for i in rows], batch_first=True)
            loss = F.cross_entropy(net(x, torch.tensor([len(xs[i]) for i in rows])), y[rows])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
            optimiser.step()
            rates.step()

    def predict(X: list[np.ndarray]) -> np.ndarray:
        with torch.no_grad():
            new = [torch.as_tensor((x - mean) / scale, dtype=torch.float32) for x in X]
            raw = net(pad_sequence(new, batch_first=True), torch.tensor([len(x) for x in new]))
        return classes[raw.argmax(1).numpy()]

    return predict


def estimator(data: Sequences, epochs: int, seed: int, convention: str, floor: bool = False) -> Predict:
    """`GRUClassifier.fit`, whole."""
    clf = gruvy.GRUClassifier(
        hidden_units=UNITS,
        convention=convention,
        max_epochs=epochs,
        batch_size=BATCH,
        learning_rate=RATE,
        weight_decay=DECAY,
        clip_norm=CLIP,
        random_state=seed,
    )
    with mock.patch.object(estimators, "GRU", Floor) if floor else mock.MagicMock():
        return clf.fit(data.x, data.y).predict


CONTESTANTS: dict[str, Callable[[Sequences, int, int], Predict]] = {
    "torch.nn.GRU by hand, packed": lambda d, e, s: by_hand(d, e, s, packed=True),
    "torch.nn.GRU by hand, padded": lambda d, e, s: by_hand(d, e, s, packed=False),
    "  no recurrence, by hand": lambda d, e, s: by_hand(d, e, s, packed=False, floor=True),
    "GRUClassifier": lambda d, e, s: estimator(d, e, s, "tutorial"),
    'GRUClassifier, convention="torch"': lambda d, e, s: estimator(d, e, s, "torch"),
    "  no recurrence, GRUClassifier": lambda d, e, s: estimator(d, e, s, "torch", floor=True),
}
JUDGED = [name for name in CONTESTANTS if not name.startswith("  ") and "padded" not in name]


def check(name: str, epochs: int, seeds: int) -> None:
    """Equal accuracy, within three standard errors of so many test sequences judged `seeds` times."""
    found: dict[str, list[float]] = {contestant: [] for contestant in JUDGED}
    for seed in range(seeds):
        data = load(name, seed=seed)
        for contestant, scores in found.items():
            scores.append(float(np.mean(CONTESTANTS[contestant](data.train, epochs, seed)(data.test.x) == data.test.y)))
    best = max(statistics.fmean(scores) for scores in found.values())
    noise = 3 * math.sqrt(2 * max(best * (1 - best), 0.01) / (len(data.test.x) * seeds))
    print(f"\n{name}: {epochs} epochs, test accuracy, mean of {seeds} seeds; equal within {noise:.3f}:")
    for contestant, scores in found.items():
        print(f"  {contestant:36} {statistics.fmean(scores):.4f}")
        if best - statistics.fmean(scores) > noise:
            raise SystemExit(f"{contestant} learns less than another: nothing is timed")


def race(name: str, epochs: int, rounds: int) -> None:
    """Every contestant in turn, round after round; times over those of the faster loop by hand, round by round."""
    data = load(name).train
    seconds: dict[str, list[float]] = {contestant: [] for contestant in CONTESTANTS}
    for k in range(-1, rounds):  # the first round only warms up
        for contestant, run in CONTESTANTS.items():
            start = time.perf_counter()
            run(data, 1 if k < 0 else epochs, k + 1)
            if k >= 0:
                seconds[contestant].append(time.perf_counter() - start)
    by_hands = list(CONTESTANTS)[:2]
    base = min(by_hands, key=lambda contestant: statistics.median(seconds[contestant]))
    print(f"\n{name}: whole fits of {epochs} epochs, {rounds} rounds; ratio to {base!r}:")
    print(f"  {'':36} {'seconds':>8} {'ratio':>7}   quartiles")
    for contestant, of in seconds.items():
        ratios = [a / b for a, b in zip(of, seconds[base], strict=True)]
        low, _, high = statistics.quantiles(ratios, n=4) if rounds > 1 else ratios * 3
        middle = statistics.median(ratios)
        print(f"  {contestant:36} {statistics.median(of):8.3f} {middle:7.2f}   {low:.2f} to {high:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=list(EPOCHS), action="append", help="default: all")
    parser.add_argument("--epochs", type=int, help="of the timed fits")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seeds", type=int, default=3, help="of the check; 0 leaves it out, and the output says so")
    given = parser.parse_args()
    use_threads(given.threads)
    print(", ".join(f"{key} {value}" for key, value in describe().items()), f"threads {given.threads}", sep=", ")
    for name in given.data or EPOCHS:
        if given.seeds:
            check(name, EPOCHS[name], given.seeds)
        else:
            print(f"\n{name}: accuracy NOT checked in this run")
        race(name, given.epochs or SHORT[name], given.rounds)


if __name__ == "__main__":
    main()
