"""A Python for a machine or a C library that is not here, to try a wheel on.

For aarch64 it is Debian's own, run by QEMU; for musl zig's clang makes one of Debian's source. apt works in a folder of
its own, on the archive that this Debian knows: nothing of the system changes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

PYTHONS = {  # for wheels of this kind with this tag: of which Debian, and which Python
    ("aarch64", "cp311-cp311"): ("bookworm", "3.11"),
    ("aarch64", "cp312-abi3"): ("trixie", "3.13"),
    ("musl", "cp311-cp311"): ("bookworm", "3.11"),
}
KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
NEEDED = {"aarch64": ("apt-get", "dpkg", "qemu-aarch64"), "musl": ("apt-get", "dpkg", "make")}
DEBIAN = {"aarch64": "arm64", "musl": "amd64"}


def run(*command: str | Path, **given: object) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **given)  # type: ignore[call-overload]
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return str(done.stdout)


@dataclass(frozen=True)
class Python:
    """An interpreter: what starts it, the tags of wheels that it lacks TLS to fetch, and options of its pip."""

    command: tuple[str | Path, ...]
    fetched: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()


def missing(kind: str, tag: str) -> str:
    """What a Python of this kind, for wheels with this tag, needs and is not here; empty: nothing."""
    lacking = [name for name in NEEDED[kind] if not shutil.which(name)]
    lacking += [] if KEYS.exists() else ["Debian's archive"]
    return " and ".join(lacking if (kind, tag) in PYTHONS else [*lacking, f"a Python for {tag}"])


def python(kind: str, tag: str, folder: Path, zig: str) -> Python:
    """A Python of this kind, made in this folder."""
    suite, version = PYTHONS[kind, tag]
    apt = archive(folder, suite, DEBIAN[kind])
    return emulated(apt, version, folder) if kind == "aarch64" else compiled(apt, version, folder, zig)


def archive(folder: Path, suite: str, architecture: str) -> partial[str]:
    """apt-get for a suite of Debian: its lists are in this folder, and there nothing is installed."""
    for part in ("lists", "archives"):
        (folder / part / "partial").mkdir(parents=True)
    (folder / "status").touch()
    known = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian").split()
    if not known:
        sys.exit("apt knows no archive of Debian, from which a Python for another machine comes")
    lines = [f"{form} [signed-by={KEYS}] {known[0]} {suite} main\n" for form in ("deb", "deb-src")]
    (folder / "sources.list").write_text("".join(lines))
    options = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "0",
        "APT::Sandbox::User": "root",
        "Dir::State": folder,
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder,
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Acquire::Languages": "none",
    }
    apt = partial(run, "apt-get", "--quiet", *(f"-o{name}={value}" for name, value in options.items()))
    apt("update")
    return apt


def unpacked(apt: partial[str], folder: Path, *packages: str) -> Path:
    """The files of these packages and of all that they need, under a root of their own."""
    apt("install", "--yes", "--download-only", *packages)
    for package in sorted((folder / "archives").glob("*.deb")):
        run("dpkg", "-x", package, folder / "root")
    root = folder / "root"
    if not (root / "lib").exists():  # trixie's are all in usr, and a package that nothing needs makes the link
        (root / "lib").symlink_to("usr/lib")
    return root


def emulated(apt: partial[str], version: str, folder: Path) -> Python:
    """Debian's Python, the libraries that it needs and those of C++, in an emulator of the processor."""
    root = unpacked(apt, folder, f"python{version}-minimal", f"libpython{version}-stdlib", "libstdc++6")
    command = (str(shutil.which("qemu-aarch64")), "-L", root, root / "usr" / "bin" / f"python{version}")
    return Python(command, pip=("--no-compile",))  # of which an emulator makes many minutes


def source(apt: partial[str], folder: Path, package: str) -> Path:
    """The source of a package, unpacked, as its authors published it."""
    apt("source", "--download-only", "--tar-only", package, cwd=folder)
    (packed,) = (path for path in folder.glob(f"{package}_*.orig.tar.*") if path.suffix != ".asc")
    (folder / package).mkdir()
    run("tar", "-xf", packed, "-C", folder / package)
    (inside,) = (folder / package).iterdir()
    return inside


def compiled(apt: partial[str], version: str, folder: Path, zig: str) -> Python:
    """CPython, and the zlib with which pip unpacks wheels, for zig's musl, whose loader trixie has and bookworm not."""
    newer = folder / "musl"
    (loader,) = unpacked(archive(newer, "trixie", "amd64"), newer, "musl").rglob("ld-musl-x86_64.so.1")
    environ = {**os.environ, "CC": f"{zig} cc -target x86_64-linux-musl -dynamic", "CFLAGS": "-O2 -fPIC -Wno-date-time"}
    environ |= {"AR": f"{zig} ar", "RANLIB": f"{zig} ranlib"}
    z = source(apt, folder, "zlib")
    run("./configure", "--static", cwd=z, env=environ)
    run("make", "libz.a", cwd=z, env=environ)
    environ |= {"ZLIB_CFLAGS": f"-I{z}", "ZLIB_LIBS": f"{z}/libz.a", "LDFLAGS": f"-Wl,--dynamic-linker={loader}"}
    tree, prefix = source(apt, folder, f"python{version}"), folder / "python"
    options = ("--build=x86_64-linux-musl", "--without-ensurepip", "--disable-test-modules")
    run("./configure", f"--prefix={prefix}", *options, cwd=tree, env=environ)
    run("make", "-j2", "install", cwd=tree, env=environ)
    return Python((prefix / "bin" / f"python{version}",), ("musllinux_1_2_x86_64", "musllinux_1_1_x86_64"))
