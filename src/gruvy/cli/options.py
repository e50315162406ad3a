"""Which options were typed: a task refuses those that have no meaning for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import typer

from gruvy.errors import InputError


def typed(context: typer.Context) -> dict[str, Any]:
    """The options that were typed, and their values."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name: context.params[name] for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def option_of(name: str) -> str:
    """An option by the name of its parameter, as it is typed."""
    return f"--{name.replace('_', '-')}"


def refuse(context: typer.Context, names: Iterable[str], task: str) -> None:
    """Options of one task have no meaning for another.

    Raises:
        InputError: one was typed.
    """
    for name in names:
        if name in typed(context):
            raise InputError(f"{option_of(name)} has no meaning without --task {task}")


def allow(context: typer.Context, names: Iterable[str], task: str) -> None:
    """A task has these options alone.

    Raises:
        InputError: another was typed.
    """
    for name in typed(context):
        if name not in names:
            raise InputError(f"{option_of(name)} has no meaning with --task {task}")
