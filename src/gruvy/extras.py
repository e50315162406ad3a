"""Optional packages: which extra of gruvy brings which, by its installed metadata, and their import at first need."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from typing import Any

from gruvy.errors import MissingExtraError

# Of distributions that are imported by another name.
_MODULES = {"scikit-learn": "sklearn", "kaldi-native-fbank": "kaldi_native_fbank"}
_REQUIREMENT = re.compile(r"([\w.-]+)(?:\[([\w,-]+)\])?.*?(?:extra == ['\"]([\w-]+)['\"])?\s*")


@cache
def table() -> dict[str, dict[str, str]]:
    """What each extra brings, {extra: {distribution: module}}, with what gruvy cannot do without under "".

    Empty where gruvy is not installed and its source lies on the path: then nothing says which extra brings what.
    """
    found: dict[str, dict[str, str]] = {}
    for distribution, _, extra in _requirements():
        if distribution != "gruvy":
            found.setdefault(extra or "", {})[distribution] = _MODULES.get(distribution, distribution)
    return found


def for_users() -> list[str]:
    """The extras that the extra "all" joins: those of users, not of those who work on gruvy."""
    joined = {name for _, others, extra in _requirements() if extra == "all" for name in (others or "").split(",")}
    return [extra for extra in table() if extra in joined]


def extra_of(module: str) -> str | None:
    """The first extra that brings a module; None if none does, or no metadata tell."""
    package = module.partition(".")[0]
    return next((extra for extra, packages in table().items() if extra and package in packages.values()), None)


def need(module: str) -> Any:
    """The module.

    Raises:
        MissingExtraError: it is not installed; the text says which extra of gruvy brings it.
    """
    package = module.partition(".")[0]
    try:
        import_module(package)
        return import_module(module)
    except ModuleNotFoundError as problem:
        if problem.name != package:
            raise
        raise missing(package) from problem


def need_all(*modules: str) -> None:
    """Refuse to go on where some of these modules, which are not loaded yet, are not installed.

    Raises:
        MissingExtraError: it names all that are missing, and the extras that bring them.
    """
    absent = [module for module in modules if not find_spec(module)]
    if absent:
        raise missing(*absent)


def missing(*modules: str) -> MissingExtraError:
    """The error for modules that are not installed: what is missing and how to get it."""
    are = f"{', '.join(map(_distribution, modules))} {'is' if len(modules) == 1 else 'are'}"
    return MissingExtraError(f"{are} not installed: {command(*modules)}")


def command(*modules: str) -> str:
    """What to type to get modules: pip and the extras that bring them, or without metadata the packages themselves."""
    extras = [extra_of(module) for module in modules]
    if not all(extras):
        return f"pip install {' '.join(map(_distribution, modules))}"
    return f'pip install "gruvy[{",".join(dict.fromkeys(filter(None, extras)))}]"'


def _distribution(module: str) -> str:
    return next((distribution for distribution, name in _MODULES.items() if name == module), module)


def explained(problem: ModuleNotFoundError) -> MissingExtraError | None:
    """The error that says how to get the module that was not found; None if that module is no optional one of ours.

    Without metadata every module counts as optional but those of gruvy itself.
    """
    package = (problem.name or "").partition(".")[0]
    optional = extra_of(package) if table() else package != "gruvy"
    return missing(package) if optional else None


def _requirements() -> list[tuple[str, str | None, str | None]]:
    """Distribution, its own extras and the extra of gruvy that asks for it, for each requirement of gruvy."""
    try:
        lines = requires("gruvy") or []
    except PackageNotFoundError:
        return []
    return [match.groups() for line in lines if (match := _REQUIREMENT.fullmatch(line))]  # type: ignore[misc]
