"""`gruvy doctor`: what this installation can do, why, and how to get what it lacks. Needs the base alone."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import typer
from rich.console import Console
from rich.table import Table

from gruvy import extras
from gruvy.cli.app import PLAIN, app, example, out
from gruvy.data.collection import plural
from gruvy.errors import EngineError

PURPOSES = {
    "train": "train, demo, lab",
    "data": "CSV files and folders",
    "datasets": "data sets by name",
    "plots": "explain, lab, figures",
}


@app.command(epilog=example("gruvy doctor", "GRUVY_ENGINE=reference gruvy doctor"))
def doctor() -> None:
    """Say which engine runs and why, which versions are here, what is missing and how to get it."""
    from gruvy import __version__

    page = out()
    facts = Table.grid(padding=(0, 2))
    for name, value in [
        ("gruvy", __version__),
        ("Python", f"{platform.python_version()} ({sys.executable})"),
        ("machine", f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"),
        ("base", ", ".join(map(_state, extras.table().get("", ()))) or "not known"),
    ]:
        facts.add_row(f"[bold]{name}[/bold]", value)
    page.print(facts)
    page.print()
    healthy = _engines(page)
    page.print()
    _extras(page)
    if not healthy:
        raise typer.Exit(1)


def _state(distribution: str) -> str:
    try:
        return f"{distribution} {version(distribution)}"
    except PackageNotFoundError:
        return f"{distribution} (not installed)"


def _engines(page: Console) -> bool:
    """Each engine, whether it is there, and which one is chosen and why."""
    from gruvy.engines import native
    from gruvy.engines.choose import choose

    table = Table("engine", "state", "chosen", box=PLAIN)
    there, why = False, "see below"
    try:
        there, why = native.available()
        chosen = choose()
    except EngineError as problem:
        name, reason, healthy = "", str(problem), False
    else:
        name, reason, healthy = chosen.name, chosen.reason, True
    rows = {"native": why if there else f"not here: {why}", "reference": "here: NumPy, slow, always there"}
    for engine, state in rows.items():
        table.add_row(engine, state, "yes" if engine == name else "")
    page.print(table)
    page.print(f"runs: {name}, because: {reason}" if healthy else f"[red]no engine[/red]: {reason}")
    if there:
        info = native.info()
        builds = ", ".join(
            f"{build} ({'runs here' if runs else 'not on this processor'})" for build, runs in info.builds
        )
        page.print(f"native: {info.isa}, {plural(info.threads, 'thread')}; this build has {builds}")
    return healthy


def _extras(page: Console) -> None:
    """What each extra brings, what of it is here, and the command that installs the rest."""
    table = Table("extra", "for", "here", "missing", box=PLAIN)
    known, lacking = extras.for_users(), []
    for extra in known:
        packages = extras.table()[extra]
        missing = [name for name, module in packages.items() if not find_spec(module)]
        here = [_state(name) for name in packages if name not in missing]
        table.add_row(extra, PURPOSES.get(extra, ""), "\n".join(here), "\n".join(missing))
        if missing:
            lacking.append(extra)
    if not known:
        page.print("gruvy itself is not installed, its source lies on the path: what its extras bring is not known.")
    else:
        page.print(table)
    if lacking:
        wanted = "all" if lacking == known else ",".join(lacking)
        page.print(rf'To get what is missing: pip install "gruvy\[{wanted}]"')
    elif known:
        page.print("Nothing is missing.")
    if not find_spec("torch"):
        return
    try:
        torch = importlib.import_module("torch")
    except Exception as problem:  # whatever a broken installation raises is what the reader must see
        page.print(f"[red]torch does not import[/red]: {type(problem).__name__}: {problem}")
        return
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU in sight"
    page.print(f"torch: {torch.get_num_threads()} threads; {gpu}")
