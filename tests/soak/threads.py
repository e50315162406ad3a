"""Sixteen Python threads at once, forks in between, and interpreters that end in the middle of calls."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from gruvy.engines import native
from gruvy.engines.threads import set_threads as allow
from gruvy.errors import EngineError, InputError
from gruvy.model.model import Model
from native_cases import CONVENTIONS, actual, problem, whole
from small_nets import random_weights

from .counts import Broken, Counts
from .workers import Attack, Place, kill, run

THREADS = 16
SECONDS = 0.5  # of one round
Work = Callable[[], Any]


def _bytes(result: Any) -> bytes:
    """All numbers of nested results."""
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, (list, tuple)):
        return b"".join(_bytes(part) for part in result)
    if result is None:
        return b"-"
    return np.asarray(result.detach() if hasattr(result, "detach") else result).tobytes()


def without_torch(r: Random) -> dict[str, Work]:
    """Calls of the core, a model and its streams, by name."""
    rng, convention = np.random.default_rng(r.getrandbits(30)), r.choice(CONVENTIONS)
    works: dict[str, Work] = {}
    for name, (T, B, H) in {"rows": (15, 24, 17), "units": (15, 1, 200)}.items():
        args, options = problem(convention, np.float32, T, B, 5, H, r.getrandbits(20), lengths=True)
        dy, dh = rng.normal(size=(T, B, H)).astype("f"), rng.normal(size=(B, H)).astype("f")

        def core(args: Any = args, options: Any = options, dy: Any = dy, dh: Any = dh) -> Any:
            return actual(convention, args, options, dy, dh, False)

        works[f"the core, shared by {name}"] = core
    weights = random_weights(rng, convention, 3, 20, 2, 1, np.float32)
    model = Model(weights=weights, V=rng.normal(size=(2, 20)).astype("f"), b_y=np.zeros(2, "f"), pooling="mean")
    X = [rng.normal(size=(n, 3)).astype("f") for n in (4, 30, 9)]

    def stream() -> Any:
        one = model.stream()
        return [one.push(x[None]) for x in X[1]]

    return works | {"predict": lambda: model.predict(X), "stream": stream}


def with_torch(r: Random) -> tuple[dict[str, Work], Work]:
    """Calls of layers, by name; and one that says whether a layer is still frozen with old weights."""
    import torch

    import gruvy

    torch.manual_seed(r.getrandbits(30))
    layer = gruvy.nn.GRU(3, 20, 2, bidirectional=r.random() < 0.5)
    still = gruvy.nn.GRU(3, 24, batch_first=True, convention="tutorial")
    x, lengths = torch.randn(30, 8, 3), torch.randint(1, 31, (8,))

    def train() -> Any:
        output, h = layer(x, lengths=lengths)
        return [output, h, *torch.autograd.grad((output * output).sum() + h.sum(), list(layer.parameters()))]

    def infer() -> Any:
        with torch.inference_mode():
            return still(x)

    def frozen() -> Any:
        with torch.inference_mode(), still.frozen():
            return [still(x), still(x)][1]

    def thawed() -> Any:
        with torch.no_grad():
            for p in still.parameters():
                p.mul_(0.5)
        again = gruvy.nn.GRU(3, 24, batch_first=True, convention="tutorial")
        again.load_state_dict(still.state_dict())
        with torch.inference_mode():
            if _bytes(still(x)) != _bytes(again(x)):
                raise Broken("frozen: the layer is frozen with old weights after every block has ended")

    return {"forward and backward": train, "inference": infer, "frozen": frozen}, thawed


def _restless(r: Random) -> dict[str, Work]:
    """What disturbs the others: the number of threads set, and lengths that change while a call reads them."""
    args, _ = problem(CONVENTIONS[0], np.float32, 12, 6, 3, 9, 1)
    lengths, noise = np.full(6, 12), np.random.default_rng(r.getrandbits(30))

    def set_threads() -> None:
        allow(int(noise.integers(1, 4)))

    def change() -> None:
        lengths[:] = noise.integers(-(2**40), 2**40, 6) if noise.random() < 0.3 else 12

    def read() -> None:
        with contextlib.suppress(InputError):
            native.forward(**whole(args | {"lengths": lengths}), convention=CONVENTIONS[0])

    return {"set_threads": set_threads, "lengths change": change, "lengths read": read}


def together(r: Random) -> str:
    """A round: each thread does what it draws, and compares with what came when it was alone."""
    works = without_torch(r)
    if r.random() < 0.7:
        more, thawed = with_torch(r)
        works |= more
    else:
        thawed = None
    allow(1)
    want = {name: _bytes(work()) for name, work in works.items()}
    restless, wrong = _restless(r), []
    until = time.monotonic() + SECONDS

    def loop(r: Random) -> None:
        try:
            while time.monotonic() < until and not wrong:
                if r.random() < 0.2:
                    restless[r.choice(list(restless))]()
                    continue
                name = r.choice(list(works))
                if _bytes(works[name]()) != want[name]:
                    wrong.append(Broken(f"{name}: another result among {THREADS} threads than alone"))
        except BaseException as error:
            wrong.append(error)

    _join([threading.Thread(target=loop, args=(Random(r.getrandbits(30)),)) for _ in range(THREADS)])
    allow(None)
    if wrong:
        raise wrong[0]
    if thawed is not None:
        thawed()
    return f"rounds of {THREADS} threads"


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        if thread.is_alive():
            raise Broken("a thread did not come back within a minute")


def forks(r: Random) -> str:
    """Forks while other threads are in the middle of calls; the child computes the same."""
    works = without_torch(r)
    want = {name: _bytes(work()) for name, work in works.items()}
    stop = threading.Event()

    def loop(work: Work) -> None:
        while not stop.is_set():
            work()

    threads = [threading.Thread(target=loop, args=(r.choice(list(works.values())),), daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            time.sleep(r.random() * 0.02)
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    allow(2)
                    code = 0 if all(_bytes(work()) == want[name] for name, work in works.items()) else 2
                finally:
                    os._exit(code)
            _wait(child)
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    return "rounds of forks"


def _wait(child: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            if status:
                raise Broken(f"a forked child: {'other numbers' if status == 512 else f'status {status}'}")
            return
        time.sleep(0.002)
    kill(child)
    os.waitpid(child, 0)
    raise Broken("a forked child hangs")


ENDING = """
import threading, time
import numpy as np
from gruvy.engines import native
from gruvy.convention import Convention
from gruvy.reference import Cell
threads, seconds, large = {how}
c = Convention.of("torch")
T, B, H = (200, 8, 64) if large else (3, 2, 9)
x, h, W, U = np.ones((T, B, 8), "f"), np.zeros((B, H), "f"), np.ones((3 * H, 8), "f"), np.ones((3 * H, H), "f")
cell = Cell(W, U, None, None)
packed = native.Packed(cell, c)
gates = np.ones((T, B, 4, H), "f")
def forward(): native.forward(x, h, cell, c, threads=2)
def backward(): native.backward(None, h, x, h, cell, np.ones((T, B, H), "f"), gates, c, threads=2)
def steps(): packed.step(x[0], h)
works = [forward, backward, steps]
def loop(i):
    while True:
        works[i % len(works)]()
for i in range(threads):
    threading.Thread(target=loop, args=(i,), daemon=True).start()
time.sleep(seconds)
"""


def ends(r: Random) -> str:
    """An interpreter that ends while daemon threads are in the middle of calls.

    Of the core: where such a thread is inside torch, torch aborts, whatever it computes.
    """
    how = (r.choice((1, 2, 5, 16)), r.random() * 0.05, r.random() < 0.7)
    try:
        made = subprocess.run(
            [sys.executable, "-c", ENDING.format(how=how)], capture_output=True, text=True, timeout=90, check=False
        )
    except subprocess.TimeoutExpired:
        raise Broken("an interpreter that ends in the middle of calls hangs") from None
    # nanobind tells what a thread that was cut off did not free; the process ends, and the memory with it.
    told = made.stderr.startswith("nanobind: leaked")
    if made.returncode or (made.stderr.strip() and not told):
        said = (made.stderr.strip().splitlines() or [""])[-1][:80]
        raise Broken(f"an interpreter that ends in the middle of calls: exit code {made.returncode}, {said!r}")
    return f"interpreters ended in the middle of calls{', with words of nanobind' if told else ''}"


def attack(part: str, seed: int) -> Attack:
    """Rounds of threads, of forks, and interpreters that end."""
    if not native.available()[0]:
        raise EngineError("the attack by threads needs the native core")
    kinds = (together, ends, together, forks, ends)

    def one(k: int, folder: Path) -> str:
        return kinds[k % len(kinds)](Random((seed << 40) + k))

    return Attack(name="threads", run=one, seconds=180, many=1, life=50, again=f"python -m soak again threads {seed}")


def threads(seconds: float, seed: int, place: Place) -> list[Counts]:
    """Rounds for so long."""
    return [run(attack("", seed), place, seconds=seconds)]
