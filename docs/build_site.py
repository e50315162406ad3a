"""The pages of the site that nobody writes by hand, and its mathematics: hooks of MkDocs, see mkdocs.yml.

README, CONTRIBUTING, CHANGELOG and SECURITY stand at the root for those who read the source; the command line's page
is what `--help` prints; the pages of names are made of docstrings; `equations` and the gallery's examples are source.
"""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import indent
from types import ModuleType
from typing import Any

from griffe import Class, Docstring, Extension, Object
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
ROOT_PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
EQUATIONS = "src/gruvy/reference.py"
# page: (title, what it says first, the modules whose public names it lists)
NAMES = {
    "api/gruvy.md": ("gruvy", "`import gruvy` is quick: torch is loaded when a name that needs it is used.", ["gruvy"]),
    "api/nn.md": ("gruvy.nn", "Layers for PyTorch: see [gruvy.nn in PyTorch](../torch.md).", ["gruvy.nn"]),
    "api/data.md": ("gruvy.data", "See [sequences from files and frames](../data.md).", ["gruvy.data"]),
    "api/models.md": (
        "Models and streams",
        "What [`gruvy.load`][gruvy.load] gives, and what it is made of. NumPy alone. See [deploying](../deploy.md).",
        ["gruvy.model.model.Model", "gruvy.model.stream.Stream", "gruvy.model.stream.StreamState", "gruvy.weights.Cell",
         "gruvy.network.Output", "gruvy.convention.Equations", "gruvy.estimators.ChannelImportance",
         "gruvy.model.event_scores"],
    ),
    "api/forecast.md": ("Forecasting", "See [forecasting](../forecasting.md).", ["gruvy.forecast"]),
    "api/detection.md": ("Trigger words", "See [sound](../sound.md#a-word-to-be-heard).", ["gruvy.detection"]),
    "api/training.md": (
        "Training",
        "One loop trains every net here, and any module of yours. See [training settings](../settings.md).",
        ["gruvy.training"],
    ),
    "api/inside.md": (
        "Looking inside",
        "See [looking inside](../inside.md).",
        ["gruvy.inside.trace", "gruvy.inside.gradients.GradientNorms", "gruvy.inside.gradients.gradient_norms",
         "gruvy.inside.contributions", "gruvy.inside.memory", "gruvy.inside.answers", "gruvy.inside.figures",
         "gruvy.inside.explorer"],
    ),
    "api/lab.md": ("The lab", "See [the lab](../lab.md).", ["gruvy.lab"]),
    "api/engines.md": (
        "Engines",
        "See [the engine](../engine.md).",
        ["gruvy.engines.choose.choose", "gruvy.engines.stack.run", "gruvy.reference", "gruvy.engines.native.available",
         "gruvy.engines.native.info", "gruvy.engines.threads.set_threads"],
    ),
}  # fmt: skip


def public_names(path: str) -> list[str]:
    """The full names that a page lists for a module: its `__all__`, or what it defines; a name stands for itself."""
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError:
        return [path]
    own = [n for n, o in vars(module).items() if not n.startswith("_") and getattr(o, "__module__", None) == path]
    return [f"{path}.{name}" for name in getattr(module, "__all__", own)]


def documented() -> dict[str, list[str]]:
    """Every name that is documented, by page. Modules have pages of their own, and constants are in the text."""
    sys.path.insert(0, str(ROOT / "src"))
    try:
        found = {page: [n for path in paths for n in public_names(path)] for page, (_, _, paths) in NAMES.items()}
    finally:
        sys.path.pop(0)
    return {page: [name for name in names if _is_listed(name)] for page, names in found.items()}


def _is_listed(name: str) -> bool:
    module, _, last = name.rpartition(".")
    value = getattr(importlib.import_module(module), last)
    return callable(value) and not isinstance(value, ModuleType)


def names_page(title: str, first: str, names: list[str]) -> str:
    """A page of names: mkdocstrings puts signature and docstring in."""
    return "\n\n".join([f"# {title}", first, *(f"::: {name}" for name in names)]) + "\n"


def command_line() -> str:
    """The command line's page: what every command's --help prints."""
    overview = _help()
    commands = re.findall(r"^│ (\w+) {2,}", overview.partition("Commands ─")[2], re.MULTILINE)
    if "train" not in commands:
        raise PluginError(f"docs/build_site.py: no commands found in the output of gruvy --help:\n{overview}")
    page = [
        "# The command line",
        "What `gruvy COMMAND --help` prints. Results go to stdout, everything else to stderr; the exit code is 0, "
        "1 for an error, and 2 for wrong usage.",
        f"```text\n{overview}\n```",
    ]
    for command in commands:
        page += [f"## gruvy {command}", f"```text\n{_help(command)}\n```"]
    return "\n\n".join(page) + "\n"


def _help(*command: str) -> str:
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "src"), "TERMINAL_WIDTH": "84", "COLUMNS": "84", "PYTHONIOENCODING": "utf-8",
        "NO_COLOR": "1", "TERM": "dumb",
    }  # fmt: skip
    environment.pop("FORCE_COLOR", None)
    environment.pop("GITHUB_ACTIONS", None)  # where it is set, typer colours whatever the output is
    done = subprocess.run(
        [sys.executable, "-m", "gruvy", *command, "--help"],
        env=environment, capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines()).strip("\n")


def equations() -> str:
    """The page to read first, as it stands."""
    return (
        "# The equations in NumPy\n\nOne step, whole sequences, and backpropagation through time, in every "
        f"convention: `{EQUATIONS}`, the whole of it. The native engine is tested against it.\n\n"
        f"```python\n{(ROOT / EQUATIONS).read_text(encoding='utf-8')}```\n"
    )


def example(path: Path) -> str:
    """An example as a page: its source."""
    return f"# {path.name}\n\n```python\n{path.read_text(encoding='utf-8')}```\n"


def from_root(text: str) -> str:
    """A page of the root as a page of the site: its links lead to where the site has the same thing."""
    for file, page in (*ROOT_PAGES.items(), (EQUATIONS, "equations.md")):
        text = text.replace(f"]({file}", f"]({page}")
    return text.replace("](docs/", "](")


def generated() -> dict[str, str]:
    """Every page that is made, by its path in the site."""
    pages = {page: from_root((ROOT / file).read_text(encoding="utf-8")) for file, page in ROOT_PAGES.items()}
    pages |= {"cli.md": command_line(), "equations.md": equations()}
    pages |= {f"examples/{path.stem}.md": example(path) for path in sorted((ROOT / "examples").glob("*.py"))}
    names = documented()
    return pages | {page: names_page(*NAMES[page][:2], names[page]) for page in NAMES}


class HouseStyle(Extension):
    """Our docstrings say "Example:", or nothing, before a doctest; griffe wants "Examples:" to set it as code. And it
    shows no fields of a named tuple."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if isinstance(obj.docstring, Docstring):
            text = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
            bare = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)
            text = bare.sub(lambda found: "Examples:\n" + indent(found[0], "    "), text)
            if isinstance(obj, Class) and "NamedTuple" in map(str, obj.bases):
                first, gap, rest = text.partition("\n\n")
                fields = (f"`{name}`" for name, m in obj.members.items() if m.is_attribute and not m.has_docstring)
                text = f"{first}\n\nFields, in this order: {', '.join(fields)}.{gap}{rest}"
            obj.docstring.value = text


def mathematics(source: str, *_: Any, **__: Any) -> str:
    """A fence of LaTeX as MathML, which browsers draw without a script and without a font of ours."""
    return convert(source.replace("{aligned}", "{align*}"), display="block")  # the same, under the name it knows


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fences marked `math` are LaTeX; a page that is not there yet is left out of the navigation."""
    fences = config.mdx_configs.setdefault("pymdownx.superfences", {}).setdefault("custom_fences", [])
    fences.append({"name": "math", "class": "math", "format": mathematics})
    if not (ROOT / "docs" / "reliability.md").exists():
        pages = next(part["Background"] for part in config.nav or [] if "Background" in part)
        pages[:] = [entry for entry in pages if "Reliability" not in entry]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for path, text in generated().items():
        files.append(File.generated(config, path, content=text))
    return files
