"""The frame of the command line: what every command shares, and the one place where errors become a line or two."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import shutil
import sys
import textwrap
import traceback
import warnings
from ast import literal_eval
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import typer
from rich import box
from rich.console import Console
from typer.core import TyperGroup

from gruvy.errors import Error
from gruvy.extras import explained

# The parent of every complaint about wrong usage; typer exports it under no name of its own.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]

ORDER = (
    "demo",
    "train",
    "score",
    "predict",
    "forecast",
    "explain",
    "stream",
    "listen",
    "convert",
    "inspect",
    "export",
    "datasets",
    "lab",
    "bench",
    "doctor",
)
INTERRUPTED = 130  # typer's code for Ctrl-C
PLAIN = box.SIMPLE_HEAD  # a table that copies well

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else; notes go to stderr.")
]

# What Python calls differently from the command line, and where Python's advice is of no use to who types.
NAMES = {"validation_fraction": "--validation", "random_state": "--seed", "max_sequences": "--most"}
SAID = {
    "stratify=False splits without regard to classes": "--test FILE judges on sequences of your choice",
    " or a gruvy.Convention": "",
    "with bidirectional=False": "without --bidirectional",
    '"torch", "onnx"': '"torch" or "onnx"',
}
_SAID = (  # patterns, for what Python calls by the names of its arguments
    (r"\btest=(0\.\d+) of ", r"holding out \1 of "),
    (r"^y (has|holds) ", r"the target \1 "),
    (r"^([Xy])\[(\d+)\] ", r"sequence \2 "),
    (r"\b\w+=(?:\"[^\"]*\"|'[^']*'|[\w.]*) \((--[^)]+)\)", r"\1"),  # Python's way, with the option in brackets
)
_VALUE = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\[[^\]]*\]|[\w.+-]+"


class Group(TyperGroup):
    """Runs a command; says in a line or two on stderr what went wrong; exits with 0, 1, or 2 for wrong usage."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for command in (self, *self.commands.values()):  # a paragraph flows, wherever its source broke the lines
            command.help = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order in which a newcomer wants them."""
        return sorted(self.commands, key=lambda name: (name not in ORDER, ORDER.index(name) if name in ORDER else 0))

    def typed(self, text: str, words: Sequence[str]) -> str:
        """A message in the words of who types: `--batch-size 0`, where Python says `batch_size=0`.

        Args:
            text: as gruvy's Python raises it.
            words: what was typed; one of them is not taken for an argument of Python.
        """
        options = dict(NAMES)
        for command in self.commands.values():
            for parameter in command.params:
                flags = [flag for flag in parameter.opts if flag.startswith("--")]
                if parameter.name and flags:
                    options[parameter.name] = max(flags, key=len)
        return reworded(text, {name: option for name, option in options.items() if name not in words})

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        words = sys.argv[1:] if args is None else list(args)

        def show_warning(message: Warning | str, *of_our_source: Any, **more: Any) -> None:
            """A warning in one line, without the place in our source."""
            say("gruvy: note: " + self.typed(" ".join(str(message).split()), words))

        with warnings.catch_warnings():
            warnings.showwarning = show_warning
            try:
                code = super().main(args, **{**extra, "prog_name": "gruvy", "standalone_mode": False})
                sys.stdout.flush()
            except UsageError as problem:
                code = _wrong_usage(problem)
            except Error as problem:
                code = fail(self.typed(" ".join(str(problem).split()), words))
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


def out(json: bool = False) -> Console:
    """Where results meant for people go: stdout, in colour on a terminal only; stderr, where stdout is for JSON."""
    return Console(highlight=False, soft_wrap=True, stderr=json)


def document(content: Mapping[str, Any]) -> None:
    """The one JSON document that a command with --json prints; a number that is not finite is null."""
    typer.echo(json.dumps(plain(content), ensure_ascii=False, allow_nan=False, indent=1))


def plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)


def reworded(text: str, options: Mapping[str, str]) -> str:
    """A message with the options instead of the arguments of Python, {argument: option}; a call of Python's stays.

    Example:
        >>> reworded("batch_size=0: expected 1 or more; give wide=True, or f(batch_size=1)", {
        ...     "batch_size": "--batch-size", "wide": "--wide"})
        '--batch-size 0: expected 1 or more; give --wide, or f(batch_size=1)'
    """
    for said, instead in SAID.items():
        text = text.replace(said, instead)
    for pattern, instead in _SAID:
        text = re.sub(pattern, instead, text)
    names = "|".join(map(re.escape, options))

    def option(found: re.Match[str]) -> str:
        if found["name"] is None:  # a call
            return found[0]
        value, flag = found["value"], options[found["name"]]
        if value in ("True", "False"):
            return flag if value == "True" else f"no {flag}"
        quoted = value[0] in "'\"["
        words = literal_eval(value) if quoted else value
        return f"{flag} {shlex.quote(','.join(map(str, words)) if isinstance(words, list) else words)}"

    text = re.sub(rf"[\w.)]+\([^()]*=[^()]*\)|(?<![-\w])(?P<name>{names})=(?P<value>{_VALUE})", option, text)
    text = re.sub(rf"^({names})(?=: )", lambda found: options[found[1]], text)
    return re.sub(rf"(?<= \()({names})(?=\))", lambda found: options[found[1]], text)


def say(text: str) -> None:
    """One line for the person at the terminal, apart from the results: stderr.

    A terminal breaks a long line in the middle of a word, so there it is broken between words; a file gets it whole.
    """
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        lines = [textwrap.wrap(one, width, break_long_words=False, break_on_hyphens=False) for one in text.split("\n")]
        text = "\n".join("\n".join(wrapped) for wrapped in lines)
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
