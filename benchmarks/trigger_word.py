"""How well a word is heard from a speaker who was never heard in training: F1 of events, delay, false alarms an hour.

    python benchmarks/trigger_word.py RECORDINGS [--speakers george,theo] [--write]
    python benchmarks/trigger_word.py RECORDINGS --speakers theo --picture MODEL

RECORDINGS is a folder of recordings of the digits, as `gruvy datasets spoken-digits-wav -o RECORDINGS` writes it, or
the data set's own, or its zip. Each speaker is held out in turn: a detector of "seven" learns from the others, who also
choose its threshold, with the default settings of `gruvy train --task detect`; it is judged on 20 minutes of streams
made of the recordings of the one held out, and on an hour of that speaker's other words. Each result is kept in
trigger_word.jsonl, beside this file, and not measured again; with --write the table goes into docs/sound.md. With
--picture a detector that has not heard the speaker is shown at work, in docs/inside/seven.svg; it needs Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from gruvy import files
from gruvy.data import SoundFeatures, features_of
from gruvy.detection import Listener, fit_detector, read_recordings
from gruvy.detection.judge import at, heard_in, trials
from gruvy.detection.streams import JUDGED, laid
from gruvy.extras import need
from gruvy.inside.heard import heard
from gruvy.model.event_scores import score_events
from gruvy.model.file import load, write

HERE = Path(__file__).parent
RESULTS, PAGE = HERE / "trigger_word.jsonl", HERE.parent / "docs" / "sound.md"
PICTURE = HERE.parent / "docs" / "inside" / "seven.svg"
START, END = "<!-- written by benchmarks/trigger_word.py -->", "<!-- end -->"
SPEAKERS = ("george", "jackson", "nicolas", "theo", "yweweler")
RATE = 44100  # of a microphone, for the delay from the arrival of samples


def main() -> None:
    """Measure what is not measured yet, print the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", nargs="?", help="a folder or a zip; without it, only the table")
    parser.add_argument("--speakers", default=",".join(SPEAKERS), help="those to hold out, joined by commas")
    parser.add_argument("--write", action="store_true", help="put the table into docs/sound.md")
    parser.add_argument("--keep", help="a folder to keep each detector in, as SPEAKER.safetensors")
    parser.add_argument("--picture", help="a detector to draw at work, and nothing else")
    given = parser.parse_args()
    if given.picture:
        with folder(Path(given.recordings)) as place:
            words = read_recordings(place)
        picture(words.where(words.speakers == given.speakers), load(given.picture))
        return
    if given.recordings:
        with folder(Path(given.recordings)) as place:
            words = read_recordings(place)
        for speaker in given.speakers.split(","):
            if speaker not in {row["speaker"] for row in results()}:
                row = measured(words, speaker, given.keep)
                with RESULTS.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                print(json.dumps({name: value for name, value in row.items() if name != "counts"}), flush=True)
    print(table(results()))
    if given.write:
        text = PAGE.read_text(encoding="utf-8")
        before, rest = text.split(START)
        files.write(PAGE, f"{before}{START}\n{table(results())}\n{END}{rest.split(END)[1]}")


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """The recordings as a folder."""
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory() as place, ZipFile(path) as file:
        for name in file.namelist():
            if name.endswith(".wav"):
                Path(place, Path(name).name).write_bytes(file.read(name))
        yield Path(place)


def results() -> list[dict]:
    """What was measured, in the order of the speakers."""
    if not RESULTS.exists():
        return []
    rows = [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    return sorted(rows, key=lambda row: row["speaker"])


def measured(words, speaker: str, keep: str | None) -> dict:
    """A detector of the others, judged on this speaker."""
    trigger = "7" if "7" in words.words else "seven"
    mine = words.speakers == speaker
    began, cpu = time.perf_counter(), time.process_time()
    found = fit_detector(words.where(~mine), trigger)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    unheard, settings = words.where(mine), found.model.layout["detection"]
    how = {name: settings[name] for name in ("threshold", "smoothing", "refractory")}
    features, judged = SoundFeatures(**found.model.layout["sound"]), trials(found.model, unheard, trigger, 5)
    score = at(judged, features, **how)
    with tempfile.TemporaryDirectory() as place:
        path = Path(keep or place, f"{speaker}.safetensors")
        write(path, found.model)
        size, model = os.path.getsize(path), load(path)
    late, share = streamed(model, unheard, trigger)
    return {
        "speaker": speaker,
        "recordings": len(unheard),
        "triggers": int((unheard.words == trigger).sum()),
        "chosen on": found.held,
        **how,
        "f1": score.heard.f1,
        "precision": score.heard.precision,
        "recall": score.heard.recall,
        "delay": score.heard.delay,
        "delay at 44100": late,
        "false an hour": score.other.false_per_hour,
        "words in the hour": sum(len(minute.laid.rows) for minute in judged.other),
        "bytes": size,
        "training": seconds,
        "training cpu": cpu,
        "share of real time": share,
        "counts": counts(judged, unheard, features, how),
    }


def picture(words, model) -> None:
    """Twelve seconds of a speaker whom the detector has not heard."""
    sys.path.insert(0, str(PICTURE.parents[1]))
    from build_tutorial import drawn

    trigger = "7" if "7" in words.words else "seven"
    made = laid(words, trigger, 12, replace(JUDGED, share=0.3), np.random.default_rng(8))
    bands = features_of(made.samples, SoundFeatures(**model.layout["sound"]))
    files.write(PICTURE, drawn(heard(model, bands, truth=made.ends)))


def streamed(model, words, trigger: str) -> tuple[float, float]:
    """In blocks of 10 ms from a microphone of 44.1 kHz: the median delay after the word, and seconds for a second."""
    rng, delays, spent, heard = np.random.default_rng(6), [], 0.0, 0.0
    for _ in range(5):
        made = laid(words, trigger, 60, JUDGED, rng)
        x, size = need("soxr").resample(made.samples, words.rate, RATE), RATE // 100
        listener, arrived = Listener(model, rate=RATE), []
        began = time.process_time()
        for k in range(0, len(x), size):
            arrived += [(k + size) / RATE] * len(listener(x[k : k + size]))
        spent, heard = spent + time.process_time() - began, heard + len(x) / RATE
        delays += score_events(arrived, made.ends, seconds=60).delays
    return float(np.median(delays)), spent / heard


def counts(judged, words, features, how) -> dict[str, list[list[int]]]:
    """For each recording: how often it was found, missed, and followed by a false alarm, with triggers and without."""
    told = {}
    for name, part in zip(("heard", "other"), judged, strict=True):
        each = np.zeros((len(words), 3), int)
        for minute in part:
            rows, times = minute.laid.rows, np.array(minute.laid.times)
            events = heard_in(minute, features, **how)
            triggers = {end: row for row, end in zip(rows, times, strict=True) if end in set(minute.laid.ends)}
            alarms = [event.time for event in events]
            for end, row in triggers.items():  # as `score_events` pairs them
                near = next((alarm for alarm in alarms if end - 0.15 <= alarm <= end + 0.5), None)
                if near is not None:
                    alarms.remove(near)
                each[row, 0 if near is not None else 1] += 1
            for alarm in alarms:
                each[rows[max(0, int(np.searchsorted(times, alarm + 0.15)) - 1)], 2] += 1
        told[name] = each.tolist()
    return told


def interval(row: dict, what: str) -> tuple[float, float]:
    """95 % of what it would be with other recordings of as many, drawn from these with replacement."""
    rng = np.random.default_rng(0)
    heard, other = np.array(row["counts"]["heard"]), np.array(row["counts"]["other"])
    triggers = heard[:, :2].sum(1) > 0
    drawn = []
    for _ in range(2000):
        w = np.zeros(len(heard))
        for group in (np.flatnonzero(triggers), np.flatnonzero(~triggers)):
            np.add.at(w, rng.choice(group, len(group)), 1)
        found, missed, false = w @ heard
        drawn.append(2 * found / (2 * found + missed + false) if what == "f1" else float((w @ other)[2]))
    return float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def table(rows: list[dict]) -> str:
    """What the page shows."""
    if not rows:
        return "Nothing is measured yet."
    lines = [
        "| held out | recordings, of the word | F1 (95 %) | precision, recall | delay; from a microphone "
        "| false alarms an hour (95 %), of words | threshold, smoothing, chosen on |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for r in rows:
        f1, false = interval(r, "f1"), interval(r, "false")
        lines.append(
            f"| {r['speaker']} | {r['recordings']}, {r['triggers']} | {r['f1']:.3f} ({f1[0]:.3f} to {f1[1]:.3f}) | "
            f"{r['precision']:.3f}, {r['recall']:.3f} | {r['delay']:.2f} s; {r['delay at 44100']:.2f} s | "
            f"{r['false an hour']:.0f} ({false[0]:.0f} to {false[1]:.0f}), {r['words in the hour']:,} | "
            f"{r['threshold']:g}, {r['smoothing']:g} s, {', '.join(r['chosen on'])} |"
        )
    missing = [name for name in SPEAKERS if name not in {r["speaker"] for r in rows}]
    f1, false = [r["f1"] for r in rows], [r["false an hour"] for r in rows]
    sizes, shares = [r["bytes"] for r in rows], [r["share of real time"] for r in rows]
    lines += [
        "",
        f"Mean F1 {np.mean(f1):.3f}, least {min(f1):.3f}; most false alarms an hour {max(false):.0f}. Model file "
        f"{max(sizes) / 1000:.0f} kB; samples to events take 1/{1 / max(shares):.0f} of real time on one core; "
        f"training {max(r['training cpu'] for r in rows) / 60:.1f} minutes of one core at most.",
    ]
    if missing:
        lines.append(f"Not measured yet: {', '.join(missing)}.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
