"""`gruvy doctor`: what this installation can do, why, and how to get what it lacks. Needs the base alone."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import starmap
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gruvy import extras
from gruvy.cli.app import PLAIN, Json, app, document, example, out
from gruvy.data.collection import plural
from gruvy.errors import EngineError

PURPOSES = {
    "train": "train, demo, lab",
    "data": "CSV files and folders",
    "datasets": "data sets by name",
    "plots": "explain, lab, figures",
    "audio": "recordings of sound",
    "onnx": "export to ONNX",
    "convert": "Keras and ONNX files",
}
BUILD = (
    "pip install --force-reinstall --only-binary gruvy gruvy; or, where there is no wheel, a C++20 compiler (GCC 11, "
    "clang 14 or newer) and CMake, then pip install --force-reinstall --no-binary gruvy gruvy"
)


@app.command(epilog=example("gruvy doctor", "GRUVY_ENGINE=reference gruvy doctor", "gruvy doctor --json"))
def doctor(json: Json = False) -> None:
    """Say which engine runs and why, which versions are here, what is missing and how to get it."""
    from gruvy import __version__

    found = {
        "gruvy": __version__,
        "python": {"version": platform.python_version(), "program": sys.executable},
        "machine": {"system": platform.system(), "processor": platform.machine(), "processors": os.cpu_count()},
        "base": {name: _version(name) for name in extras.table().get("", ())},
        **_engines(),
        **_extras(),
        "torch": _torch() if find_spec("torch") else None,
    }
    if json:
        document(found)
    else:
        _told(out(), found)
    if found["runs"] is None:
        raise typer.Exit(1)


def _version(distribution: str) -> str | None:
    """The version of a package; None where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _engines() -> dict[str, Any]:
    """Each engine and whether it is there; which one runs (None: none can) and why."""
    from gruvy.engines import native
    from gruvy.engines.choose import choose

    there, why = False, "see below"
    try:
        there, why = native.available()
        chosen = choose()
    except EngineError as problem:
        runs, reason = None, str(problem)
    else:
        runs, reason = chosen.name, chosen.reason
    states = {"native": why if there else f"not here: {why}", "reference": "here: NumPy, slow, always there"}
    core = None
    if there:
        info = native.info()
        core = {"isa": info.isa, "threads": info.threads, "builds": dict(info.builds)}
    return {"engines": states, "runs": runs, "reason": reason, "native": core}


def _extras() -> dict[str, Any]:
    """What each extra brings: the versions of what is here, what is missing, and the command that installs it."""
    known = extras.for_users()
    found: dict[str, Any] = {}
    for extra in known:
        packages = extras.table()[extra]
        missing = [name for name, module in packages.items() if not find_spec(module)]
        here = {name: _version(name) for name in packages if name not in missing}
        found[extra] = {"for": PURPOSES.get(extra, ""), "here": here, "missing": missing}
    lacking = [extra for extra in known if found[extra]["missing"]]
    wanted = "all" if lacking == known else ",".join(lacking)
    return {"extras": found, "install": f'pip install "gruvy[{wanted}]"' if lacking else None}


def _torch() -> dict[str, Any]:
    """How torch runs here, or what it raised when it was imported."""
    try:
        torch = importlib.import_module("torch")
    except Exception as problem:  # whatever a broken installation raises is what the reader must see
        return {"problem": f"{type(problem).__name__}: {problem}"}
    from gruvy.nn import triton

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    there, why = triton.available(torch.empty(0, device="cuda")) if gpu else triton.installed()
    return {"threads": torch.get_num_threads(), "gpu": gpu, "triton": {"there": there, "reason": why}}


def _told(page: Console, found: dict[str, Any]) -> None:
    """What was found, for a person."""
    python, machine, core = found["python"], found["machine"], found["native"]
    facts = Table.grid(padding=(0, 2))
    for name, value in [
        ("gruvy", found["gruvy"]),
        ("Python", f"{python['version']} ({python['program']})"),
        ("machine", f"{machine['system']} {machine['processor']}, {machine['processors']} processors"),
        ("base", ", ".join(starmap(_state, found["base"].items())) or "not known"),
    ]:
        facts.add_row(f"[bold]{name}[/bold]", value)
    page.print(facts)
    page.print()
    table = Table("engine", "state", "chosen", box=PLAIN)
    for engine, state in found["engines"].items():
        table.add_row(engine, state, "yes" if engine == found["runs"] else "")
    page.print(table)
    said = f"runs: {found['runs']}, because:" if found["runs"] else "[red]no engine[/red]:"
    page.print(f"{said} {found['reason']}")
    if found["engines"]["native"].startswith("not here: this build"):
        page.print(f"To get the native core: {BUILD}")
    if core:
        builds = ", ".join(
            f"{build} ({'runs here' if runs else 'not on this processor'})" for build, runs in core["builds"].items()
        )
        page.print(f"native: {core['isa']}, {plural(core['threads'], 'thread')}; this build has {builds}")
    page.print()
    table = Table("extra", "for", "here", "missing", box=PLAIN)
    for extra, of in found["extras"].items():
        here = "\n".join(starmap(_state, of["here"].items()))
        table.add_row(extra, of["for"], here, "\n".join(of["missing"]))
    if not found["extras"]:
        page.print("gruvy itself is not installed, its source lies on the path: what its extras bring is not known.")
    else:
        page.print(table)
        page.print(f"To get what is missing: {escape(found['install'])}" if found["install"] else "Nothing is missing.")
    if (torch := found["torch"]) is None:
        return
    if "problem" in torch:
        page.print(f"[red]torch does not import[/red]: {torch['problem']}")
    else:
        page.print(f"torch: {plural(torch['threads'], 'thread')}; {torch['gpu'] or 'no GPU in sight'}")
        triton = torch["triton"]
        way = "" if triton["there"] else "torch operations step by step, since "
        page.print(f"On a GPU: cuDNN for what torch.nn.GRU can do; for all else {way}{escape(triton['reason'])}")


def _state(distribution: str, version: str | None) -> str:
    return f"{distribution} {version or '(not installed)'}"
