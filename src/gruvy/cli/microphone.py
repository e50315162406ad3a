"""The microphone, through sounddevice and PortAudio."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gruvy.cli.app import say
from gruvy.errors import DataError, InputError
from gruvy.extras import need

BLOCK = 0.05  # seconds
TRIES = 10  # to open a microphone again that has vanished, one a second


@contextmanager
def hear(device: str | None) -> Iterator[tuple[int, Iterator[NDArray[np.float32]]]]:
    """Samples a second, and blocks of samples (m,) from -1 to 1, for ever.

    Args:
        device: its number or a part of its name; None for the system's own.

    Raises:
        DataError: PortAudio is not installed, there is no microphone, or it vanished for good.
        InputError: there is no such device.
    """
    sounddevice = _sounddevice()
    which = int(device) if device is not None and device.isdigit() else device
    try:
        found = sounddevice.query_devices(which, "input")
    except (ValueError, sounddevice.PortAudioError) as problem:
        if device is None:
            raise DataError("there is no microphone; expected one, a FILE, or - for standard input") from problem
        have = ", ".join(each["name"] for each in sounddevice.query_devices() if each["max_input_channels"])
        raise InputError(f"device={device!r}: expected one of {have or 'no microphones'}") from problem
    rate = int(found["default_samplerate"])
    blocks = _blocks(sounddevice, which, str(found["name"]), rate)
    try:
        yield rate, blocks
    finally:
        blocks.close()


def _blocks(sounddevice: Any, which: Any, name: str, rate: int) -> Generator[NDArray[np.float32]]:
    """Whatever the microphone hears; one that vanishes is waited for."""
    tries, size = 0, max(1, round(BLOCK * rate))
    while True:
        try:
            with sounddevice.InputStream(rate, size, which, channels=1, dtype="float32") as stream:
                if tries:
                    say(f"gruvy: {name} is back")
                else:
                    say(f"hearing {name} at {rate:,} Hz; Ctrl-C ends it")
                tries = 0
                while True:
                    block, lost = stream.read(size)
                    if lost:
                        say("gruvy: note: the microphone was faster than this machine; some sound is lost")
                    yield block[:, 0].copy()
        except sounddevice.PortAudioError as problem:
            tries += 1
            if tries == 1:
                say(f"gruvy: {name} cannot be heard: {_reason(problem)}; trying again for {TRIES} seconds")
            if tries > TRIES:
                raise DataError(f"{name} cannot be heard: {_reason(problem)}") from problem
            time.sleep(1)


def _reason(problem: Exception) -> str:
    return str(problem.args[0] if problem.args else problem).rstrip(".")


def _sounddevice() -> Any:
    try:
        return need("sounddevice")
    except OSError as problem:  # the package without the library that it stands on
        raise DataError("sounddevice cannot load PortAudio; expected it: apt install libportaudio2") from problem
