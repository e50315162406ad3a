"""The frame of the command line: what every command shares, and the one place where errors become a line or two."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any

import typer
from rich import box
from rich.console import Console
from typer.core import TyperGroup

from gruvy.errors import Error
from gruvy.extras import explained

# The parent of every complaint about wrong usage; typer exports it under no name of its own.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]

ORDER = ("demo", "train", "predict", "forecast", "explain", "stream", "datasets", "lab", "bench", "doctor")
INTERRUPTED = 130  # typer's code for Ctrl-C
PLAIN = box.SIMPLE_HEAD  # a table that copies well


class Group(TyperGroup):
    """Runs a command; says in a line or two on stderr what went wrong; exits with 0, 1, or 2 for wrong usage."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for command in (self, *self.commands.values()):  # a paragraph flows, wherever its source broke the lines
            command.help = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order in which a newcomer wants them."""
        return sorted(self.commands, key=lambda name: (name not in ORDER, ORDER.index(name) if name in ORDER else 0))

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            try:
                code = super().main(args, **{**extra, "prog_name": "gruvy", "standalone_mode": False})
                sys.stdout.flush()
            except UsageError as problem:
                code = _wrong_usage(problem)
            except Error as problem:
                code = fail(" ".join(str(problem).split()))
            except ModuleNotFoundError as problem:
                code = _not_found(problem)
            except BrokenPipeError:  # whoever read our output has had enough
                sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (must outlive this call)
                code = 1
            except OSError as problem:
                code = fail(_file_trouble(problem))
            except (KeyboardInterrupt, typer.Abort):
                code = INTERRUPTED
            except Exception as problem:
                code = _bug(problem)
        if code == INTERRUPTED:
            code = fail("stopped")
        sys.exit(code or 0)


app = typer.Typer(
    cls=Group,
    name="gruvy",
    rich_markup_mode="rich",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


def example(*lines: str) -> str:
    """The examples under a command's help, one command a line."""
    return "[bold]Example[/bold]\n\n" + "\n\n".join(line.replace("[", r"\[") for line in lines)


def out() -> Console:
    """Where results meant for people go: stdout, in colour on a terminal only."""
    return Console(highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """One line for the person at the terminal, apart from the results: stderr."""
    print(text, file=sys.stderr)


def fail(text: str) -> int:
    """Say what went wrong; gives the exit code."""
    say(f"gruvy: {text}")
    return 1


def _wrong_usage(problem: Any) -> int:
    context = getattr(problem, "ctx", None)
    command = context.command_path if context is not None else "gruvy"
    say(f"gruvy: {problem.format_message()}")
    say(f"See: {command} --help")
    return 2


def _not_found(problem: ModuleNotFoundError) -> int:
    """An optional package that is not installed: which extra brings it. Any other module that is missing is a bug."""
    missing = explained(problem)
    return _bug(problem) if missing is None else fail(str(missing))


def _file_trouble(problem: OSError) -> str:
    """An operating system's complaint in plain words: what, then which file."""
    what = (problem.strerror or str(problem) or type(problem).__name__).strip()
    name = problem.filename
    return f"{what}: {name}" if name else what


def _bug(problem: Exception) -> int:
    """An exception nobody planned for is our fault: say so, and how to get the whole story."""
    if os.environ.get("GRUVY_DEBUG"):
        traceback.print_exception(problem)
        return 1
    text = " ".join(str(problem).split())
    say(f"gruvy: unexpected {type(problem).__name__}: {text}".removesuffix(": "))
    say("This is a bug in gruvy. Set GRUVY_DEBUG=1 and run it again: please report what it then prints.")
    return 1


def _show_warning(message: Warning | str, *of_our_source: Any, **more: Any) -> None:
    """A warning in one line, without the place in our source."""
    say("gruvy: note: " + " ".join(str(message).split()))
