"""Which options were typed: a task refuses those that have no meaning for it."""

from __future__ import annotations

from typing import Any

import typer


def typed(context: typer.Context) -> dict[str, Any]:
    """The options that were typed, and their values."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name: context.params[name] for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def option_of(name: str) -> str:
    """An option by the name of its parameter, as it is typed."""
    return f"--{name.replace('_', '-')}"
