"""Cases in processes of their own: a crash, a hang, or memory over the bound is seen, counted and can be repeated.

A worker is forked from a process that has imported everything, so that starting one costs milliseconds; it does case
after case, says in shared memory which one it is at, and is followed by a new one when it dies.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import mmap
import os
import re
import resource
import signal
import struct
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gruvy.errors import Error

from .counts import KEPT, Counts, name_of, save

MB = 2**20
Seen = str | dict[str, int]  # what a case adds to the counts, beside being accepted
AT_ONCE = 2
LIFE = 20_000  # cases of one worker
_STATE = struct.Struct("qqqqq")  # case, whether it runs now; before it: tried, accepted, refused


def warm(torch: bool = True) -> None:
    """Import all that the workers use, once; without touching polars, whose threads start at its first work."""
    import gruvy.data
    import gruvy.model.model

    if torch:
        import accelerate  # noqa: F401
        import polars  # noqa: F401
        import torch._dynamo

        import gruvy.estimators.base
        import gruvy.network.net  # noqa: F401

        torch.set_num_threads(1)


@dataclass(kw_only=True)
class Attack:
    """Numbered cases.

    run: does case k in a folder and returns what else to count, a name or numbers by name; a `gruvy.Error` counts as
    refused, anything else as a failure. keep: the file that case k read, as (name, content), or None.
    seconds: after which a case hangs. memory: bytes that a case may take, or None; what it takes before it calls
    `memory_from_here` does not count. many: workers at once.
    """

    name: str
    run: Callable[[int, Path], Seen]
    keep: Callable[[int], tuple[str, bytes] | None] = lambda k: None
    seconds: float = 30.0
    memory: int | None = None
    many: int = AT_ONCE
    life: int = LIFE
    again: str = ""  # the command that repeats a case, before its number


@dataclass(frozen=True)
class Place:
    """Where an attack works and reports.

    scratch: a folder on a fast disk. kept: where reproductions go. tick: called with the cases tried and failed.
    scores: of every part that has begun, so that Ctrl-C loses none.
    """

    scratch: Path
    kept: Path
    tick: Callable[[int, int], object] = lambda tried, failed: None
    scores: list[Counts] = field(default_factory=list)


@dataclass
class _Worker:
    pid: int
    shared: mmap.mmap
    log: Path
    first: int
    at: tuple[int, int] = (-1, 0)
    since: float = field(default_factory=time.monotonic)

    def state(self) -> tuple[int, ...]:
        return _STATE.unpack_from(self.shared)


def run(attack: Attack, place: Place, *, seconds: float, first: int = 0, count: int | None = None) -> Counts:
    """Do cases from `first` on until the time is over, or `count` of them."""
    counts = Counts(attack.name)
    place.scores.append(counts)
    started = time.monotonic()
    many = attack.many if count is None else min(attack.many, count)
    following = [first + i for i in range(many)]  # the next case of each slot
    slots: list[_Worker | None] = [None] * many
    try:
        while True:
            over = time.monotonic() - started >= seconds
            for i, worker in enumerate(slots):
                done = over or (count is not None and following[i] >= first + count)
                if worker is None and not done:
                    slots[i] = _start(attack, following[i], many, None if count is None else first + count,
                                      place.scratch / str(i), started + seconds)  # fmt: skip
                elif worker is not None and (at := _look(attack, worker, counts, place.kept)) is not None:
                    following[i], slots[i] = at + many, None
            counts.seconds = time.monotonic() - started
            place.tick(counts.tried + sum(w.state()[2] for w in slots if w is not None), counts.failed)
            if all(worker is None for worker in slots) and (
                over or (count is not None and all(k >= first + count for k in following))
            ):
                return counts
            time.sleep(0.02)
    finally:  # after Ctrl-C they still run
        for worker in filter(None, slots):
            kill(worker.pid)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(worker.pid, 0)
            _ended(attack, worker, counts, place.kept, "")


def forked(work: Callable[[], Any], group: bool = True) -> int:
    """Do the work in a forked process; gives its number. Its exit code is 0, or 70 after an exception.

    group: with a group of its own, so that those which it starts end with it.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        if group:
            os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started us
        work()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 71
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def kill(pid: int) -> None:
    """End a process, and those of its group if it has one."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _start(attack: Attack, first: int, step: int, end: int | None, folder: Path, until: float) -> _Worker:
    folder.mkdir(parents=True, exist_ok=True)
    shared, log = mmap.mmap(-1, 4096), folder / f"log-{first}"
    log.write_text("")
    pid = forked(lambda: _work(attack, first, step, end, folder, until, shared, log))
    return _Worker(pid, shared, log, first)


def _work(attack: Attack, first: int, step: int, end: int | None, folder: Path, until: float, shared: mmap.mmap,
          log: Path) -> None:  # fmt: skip
    """The worker's loop."""
    warnings.simplefilter("ignore")
    with log.open("a") as out, quiet():
        faulthandler.enable(out)
        if attack.memory is not None:
            _limit(attack.memory)
        tried = accepted = refused = 0
        k, last = first, first + attack.life * step
        while k < last and (end is None or k < end) and time.monotonic() < until:
            _STATE.pack_into(shared, 0, k, 1, tried, accepted, refused)
            tried += 1
            what: Seen = ""
            memory_from_here()
            try:
                what = attack.run(k, folder)
                accepted += 1
            except Error:
                refused += 1
            except MemoryError as error:
                _tell(out, k, fail=f"memory over the bound: {name_of(error)}")
            except BaseException as error:  # polars' panics are no Exception
                _tell(out, k, fail=name_of(error))
            if what:
                _tell(out, k, seen=what)
            _STATE.pack_into(shared, 0, k, 0, tried, accepted, refused)
            if attack.memory is not None and (taken := _resident("VmHWM") - _base) > attack.memory:
                _tell(out, k, fail="memory over the bound", more=f"{taken / MB:.0f} MB")
            k += step


def _tell(out: Any, k: int, **what: Seen) -> None:
    out.write(json.dumps({"k": k, **what}) + "\n")
    out.flush()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing of what the attacked code prints reaches the terminal, not even what Rust or C++ prints."""
    null = os.open(os.devnull, os.O_WRONLY)
    kept = os.dup(1), os.dup(2)
    os.dup2(null, 1), os.dup2(null, 2)
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        yield
    os.dup2(kept[0], 1), os.dup2(kept[1], 2)


_base = 0  # bytes in use when the case began to count


def memory_from_here() -> None:
    """Begin to count a case's memory: what this process has now, and has had, is not the case's."""
    global _base
    Path("/proc/self/clear_refs").write_text("5")  # the peak falls to what is in use
    _base = _resident("VmRSS")


def _resident(name: str) -> int:
    """Bytes of this process in memory: VmRSS now, VmHWM at most."""
    found = re.search(rf"^{name}:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def _limit(memory: int) -> None:
    """Bound the address space of this process: room for threads and their arenas, none for gigabytes at once."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + memory + 2048 * MB
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _look(attack: Attack, worker: _Worker, counts: Counts, kept: Path) -> int | None:
    """Read a worker's news; where it has ended, the case at which it stood."""
    pid, status = os.waitpid(worker.pid, os.WNOHANG)
    k, busy, tried, *_ = worker.state()
    if not pid:
        if (k, tried) != worker.at:
            worker.at, worker.since = (k, tried), time.monotonic()
        elif busy and time.monotonic() - worker.since > attack.seconds:
            kill(worker.pid)
            os.waitpid(worker.pid, 0)
            return _ended(attack, worker, counts, kept, f"hang: more than {attack.seconds:.0f} s")
        return None
    if os.WIFSIGNALED(status):
        return _ended(attack, worker, counts, kept, f"crash: {signal.Signals(os.WTERMSIG(status)).name}")
    if os.WEXITSTATUS(status):
        return _ended(attack, worker, counts, kept, f"crash: exit code {os.WEXITSTATUS(status)}")
    return _ended(attack, worker, counts, kept, "")


def _ended(attack: Attack, worker: _Worker, counts: Counts, kept: Path, how: str) -> int:
    k, busy, tried, accepted, refused = worker.state()
    if not tried and not busy:
        k = worker.first
    if how and busy:
        tried += 1  # the case that it did not live to count
    counts.tried, counts.accepted, counts.refused = (
        counts.tried + tried, counts.accepted + accepted, counts.refused + refused
    )  # fmt: skip
    trace = []
    for line in worker.log.read_text(errors="replace").splitlines():
        if not line.startswith("{"):
            trace.append(line.strip())
            continue
        news = json.loads(line)
        if "seen" in news:
            counts.seen.update({news["seen"]: 1} if isinstance(news["seen"], str) else news["seen"])
        else:
            _failed(attack, counts, kept, news["k"], news["fail"], news.get("more", ""))
    if how:
        inside = [found for line in trace if (found := re.match(r'File "(.*)", line (\d+)', line))][:1]
        _failed(attack, counts, kept, k, how + "".join(f" at {Path(f[1]).name}:{f[2]}" for f in inside), "")
    worker.log.unlink()
    worker.shared.close()
    return k


def _failed(attack: Attack, counts: Counts, kept: Path, k: int, what: str, more: str) -> None:
    failure = counts.fail(what)
    if len(failure.shown) >= KEPT:
        return
    shown = f"{attack.again} {k}"
    found = attack.keep(k)
    if found is not None:
        shown += f"  # {save(kept / attack.name.replace(': ', '-'), *found)}"
    failure.shown.append(f"{shown}  {more}".rstrip())
