"""What a wheel is asked where it is installed, and what is said where it cannot be tried; `make wheels` does it all."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kept_models
from gruvy.engines import native

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "native"))
import elsewhere  # noqa: E402

needs_core = pytest.mark.skipif(not native.available()[0], reason="no native engine")


def asked(script):
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, done.stdout


@needs_core
def test_the_core_and_model_files_have_the_bits_of_every_build():
    assert asked(ROOT / "native" / "tests" / "first_prediction.py")[0] == 0
    assert asked(kept_models.__file__) == (0, f"{len(kept_models.FILES)} model files; with other bits: none\n")


@needs_core
def test_one_flipped_bit_in_what_a_model_file_answered_is_seen(tmp_path):
    shutil.copytree(ROOT / "tests" / "fixtures", tmp_path / "fixtures")
    script = shutil.copy(kept_models.__file__, tmp_path)
    path = next((tmp_path / "fixtures").glob("models-*/two-targets.npz"))
    with np.load(path) as file:
        kept = dict(file)
    kept["raw"].reshape(-1).view(np.uint8)[0] ^= 1
    np.savez(path, **kept)
    code, said = asked(script)
    assert code == 1
    assert "{'two-targets': ['read-outs']}" in said


def test_what_a_wheel_cannot_be_tried_for_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(elsewhere, "KEYS", tmp_path / "none")
    wanted = "apt-get and dpkg and qemu-aarch64 and Debian's archive"
    assert elsewhere.missing("aarch64", "cp312-abi3") == wanted
    assert elsewhere.missing("aarch64", "cp314-cp314t") == f"{wanted} and a Python for cp314-cp314t"
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(elsewhere, "KEYS", tmp_path)
    assert elsewhere.missing("musl", "cp311-cp311") == ""
    assert elsewhere.missing("musl", "cp312-abi3") == "a Python for cp312-abi3"
