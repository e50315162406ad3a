"""Act two: real speech. gruvy's GRU beside torch's tanh RNN and LSTM: same size, same loop, same budget."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import gruvy
from gruvy.cli.measures import confusion
from gruvy.cli.reports import confusion_report
from gruvy.data import load
from gruvy.model.task import Labels
from gruvy.training import Batches, History, Peer, Settings, raw_outputs, train

UNITS = 64
BUDGET: dict[str, Any] = {"max_epochs": 20, "batch_size": 32, "learning_rate": 5e-3}
WANTED = 0.95  # accuracy of the GRU: 0.985 and more is usual


def learn_speech(page: Console, model: Path) -> list[str]:
    """Train all three, print how they do, save the GRU; gives what did not come out as it should."""
    digits = load("spoken-digits")
    known, unseen = digits.train, digits.test
    said, truth = np.asarray(known.y), np.asarray(unseen.y)
    lengths = np.concatenate([known.lengths, unseen.lengths])
    page.print(
        f"{len(lengths):,} recordings of the digits 0 to 9, spoken by six people: {lengths.min()} to {lengths.max()} "
        f"steps of {known.channels} numbers (MFCC).\n"
        f"{len(known):,} to learn from, {len(unseen)} to be judged on; {UNITS} units each, "
        f"{BUDGET['max_epochs']} epochs."
    )
    table = Table.grid(padding=(0, 2))

    def line(name: str, right: Any, told: str = "") -> float:
        accuracy = float(np.mean(right))
        table.add_row(name, f"[bold]{accuracy:.1%}[/bold]", told)
        return accuracy

    started = time.perf_counter()
    net = gruvy.GRUClassifier(UNITS, random_state=0, progress="gruvy's GRU     ", **BUDGET).fit(known.x, said)
    go_on(net.history_)
    answers = net.predict(unseen.x)
    seconds = time.perf_counter() - started
    accuracy = line("gruvy's GRU", answers == truth, f"{seconds:.0f} seconds of learning")
    net.save(model)

    task = Labels.of(said)
    heard = np.concatenate(known.x)
    mean, scale = heard.mean(axis=0), heard.std(axis=0)  # as the classifier scales its inputs
    seen, asked = (Batches([(x - mean) / scale for x in s.x], task.encode(s.y)) for s in (known, unseen))
    for name, kind in (("torch's LSTM", torch.nn.LSTM), ("torch's tanh RNN", torch.nn.RNN)):
        torch.manual_seed(0)
        peer = Peer(kind(known.channels, UNITS, batch_first=True), len(task.classes))
        started = time.perf_counter()
        go_on(train(peer, task, seen, settings=Settings(seed=0, progress=f"{name:<16}", **BUDGET)))
        seconds = time.perf_counter() - started
        line(name, task.answers(np.stack(raw_outputs(peer, asked))) == truth, f"{seconds:.0f} seconds of learning")
    classes, counts = np.unique(said, return_counts=True)
    line("majority vote", truth == classes[counts.argmax()], f"always answers {classes[counts.argmax()]}")
    page.print(table)
    page.print("\nWhat the GRU mistook for what:")
    confusion_report(page, confusion(truth, answers, net.classes_), net.classes_)
    page.print(f"The model is in {model}.", markup=False)
    return [] if accuracy >= WANTED else [f"the GRU heard {accuracy:.1%} right; it should be {WANTED:.0%} or more"]


def go_on(history: History) -> None:
    """Ctrl-C ends a training in good order; here it is to end the demo."""
    if history.stopped == "interrupted":
        raise KeyboardInterrupt
