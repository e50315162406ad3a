"""The recordings that are fetched by name: from a server on this machine, with an interruption and a wrong sum."""

from __future__ import annotations

import hashlib
import json
import os
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from zipfile import ZipFile

import numpy as np
import pytest

from cli_help import call
from gruvy.data import fetched, load
from gruvy.errors import DataError

soundfile, _ = pytest.importorskip("soundfile"), pytest.importorskip("pooch")
DIGITS = Path(os.environ.get("GRUVY_SPOKEN_DIGITS", Path(__file__).parents[2] / "shared/data/spoken-digits-wav.zip"))


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    """Twelve small recordings in place of the 2,500, {name: bytes}; and a cache of the test's own."""
    made = {}
    for k, (digit, speaker) in enumerate((d, s) for d in (0, 7) for s in ("ann", "bob", "cem") for _ in "ab"):
        name = f"{digit}_{speaker}_{k}.wav"
        soundfile.write(tmp_path / name, np.random.default_rng(k).normal(size=1000) / 10, 8000)
        made[name] = (tmp_path / name).read_bytes()
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
    monkeypatch.setattr(fetched, "registry", lambda: sums)
    monkeypatch.setenv("GRUVY_DATA", str(tmp_path / "cache"))
    return made


@pytest.fixture
def server(recordings, monkeypatch):
    """Serves them; `asked` lists what it was asked for, and what stands in `faults` goes wrong."""
    asked, faults = [], {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.rpartition("/")[2]
            asked.append(name)
            content, fault = recordings[name], faults.get(name)
            self.send_response(503 if fault == "busy" else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if fault == "other":
                content = content[:-1] + bytes([content[-1] ^ 1])
            self.wfile.write(content[: len(content) // 2] if fault == "breaks off" else content)

        def log_message(self, *of):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = Thread(target=running.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setattr(fetched, "URL", f"http://127.0.0.1:{running.server_port}/recordings/")
        monkeypatch.setattr(fetched, "AT_ONCE", 1)
        yield asked, faults
        running.shutdown()
        thread.join()


def test_they_are_fetched_once(server, recordings, tmp_path):
    asked, _ = server
    assert not fetched.is_here()
    with pytest.raises(DataError, match=r"^spoken-digits-wav was not fetched yet: gruvy datasets spoken-digits-wav"):
        load("spoken-digits-wav")
    seen = []
    assert fetched.fetch(progress=lambda done, of: seen.append((done, of))) == tmp_path / "cache" / "spoken-digits-wav"
    assert seen == [(k + 1, 12) for k in range(12)]
    assert sorted(asked) == sorted(recordings)
    assert all((fetched.place() / name).read_bytes() == content for name, content in recordings.items())
    found = load("spoken-digits-wav")
    assert len(found.train) + len(found.test) == 12
    assert set(found.train.y) == {"zero", "seven"}
    assert not set(found.train.groups) & set(found.test.groups)
    fetched.fetch()
    assert len(asked) == 12


def test_an_interruption_costs_what_was_under_way_alone(server, recordings):
    asked, faults = server
    broken = list(recordings)[7]
    faults[broken] = "breaks off"
    with pytest.raises(
        DataError, match=re.escape(f"{broken} cannot be fetched: the connection broke off; what came so far is")
    ):
        fetched.fetch()
    assert not fetched.is_here()
    assert not (fetched.place() / broken).exists()
    have = {path.name for path in fetched.place().iterdir()}
    assert len(have) >= 7
    faults.clear()
    asked.clear()
    fetched.fetch()
    assert fetched.is_here()
    assert sorted(asked) == sorted(set(recordings) - have)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("other", "is not the recording it was: its SHA-256 sum is another"),
        ("busy", "cannot be fetched: the server answers 503"),
    ],
)
def test_another_recording_and_a_busy_server_are_refused(server, recordings, fault, text):
    _, faults = server
    faults["7_ann_6.wav"] = fault
    with pytest.raises(DataError, match=re.escape(f"/recordings/7_ann_6.wav {text}")):
        fetched.fetch()
    assert not (fetched.place() / "7_ann_6.wav").exists()
    assert not fetched.is_here()


def test_no_server(recordings, monkeypatch):
    monkeypatch.setattr(fetched, "URL", "http://127.0.0.1:9/")
    with pytest.raises(DataError, match="cannot be fetched: no connection; what came so far is kept, and the same"):
        fetched.fetch()


def test_from_a_zip(recordings, tmp_path):
    path = tmp_path / "all.zip"
    with ZipFile(path, "w") as file:
        for name, content in recordings.items():
            file.writestr(f"free-spoken-digit-dataset-1/recordings/{name}", content)
    done = call("datasets", "spoken-digits-wav", "--from", str(path), "-o", str(tmp_path / "words"))
    assert done.exit_code == 0, done.output
    assert "Next: gruvy train" in done.stderr
    assert (tmp_path / "words" / "labels.csv").read_text().splitlines()[:2] == [
        "file,label,speaker",
        "0_ann_0.wav,zero,ann",
    ]
    done = call("datasets", "spoken-digits-wav", "--from", str(path), "--json")
    assert json.loads(done.stdout)["folder"] == str(fetched.place())
    assert fetched.is_here()
    with ZipFile(tmp_path / "few.zip", "w") as file:
        file.writestr("0_ann_0.wav", recordings["0_ann_0.wav"] + b"\0")
    for name, text in (
        ("few.zip", "few.zip: 0_ann_0.wav is not the recording it was: its SHA-256 sum is another"),
        ("none.zip", "none.zip does not exist; expected a zip"),
        ("0_ann_0.wav", "0_ann_0.wav is no zip that can be read"),
    ):
        done = call("datasets", "spoken-digits-wav", "--from", str(tmp_path / name))
        assert done.exit_code == 1
        assert done.stderr.splitlines()[-1].endswith(text)


def test_what_has_no_meaning_is_refused(recordings, tmp_path):
    for words, text in (
        (["digits", "--from", "a.zip"], "--from a.zip has no meaning for digits, which is not fetched"),
        (
            ["spoken-digits-wav", "--part", "test"],
            "--part test has no meaning for spoken-digits-wav, fetched whole",
        ),
        (["spoken-digits-wav", "-o", __file__], f"--output {__file__} is a file; expected a folder for the recordings"),
    ):
        assert call("datasets", *words).stderr == f"gruvy: {text}\n"
    done = call("train", "spoken-digits-wav", "--task", "detect", "--trigger", "seven")
    assert "spoken-digits-wav was not fetched yet" in done.stderr


def test_the_registry_has_all_of_them():
    known = fetched.registry()
    assert (len(known), len(set(known.values()))) == (2500, 2500)
    # As sha256sum says of the file at that commit of the data set's repository.
    assert known["7_theo_12.wav"] == "6b6a35fc7b62a52bcccbfd9e87aad418f733442dcfbe094195beedc8ab7c906b"


@pytest.mark.skipif(not DIGITS.is_file(), reason="needs spoken-digits-wav.zip")
def test_the_real_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("GRUVY_DATA", str(tmp_path))
    fetched.fetch(source=DIGITS)
    assert fetched.is_here()
