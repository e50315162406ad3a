"""`gruvy listen`: a trigger word in a file, a pipe or the microphone, heard as it comes. Needs no torch."""

from __future__ import annotations

import json as json_text
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from gruvy.cli.app import app, example, say
from gruvy.cli.predict import ModelFile
from gruvy.data.text_files import STDIN
from gruvy.errors import InputError

if TYPE_CHECKING:
    from gruvy.detection import Listener

Samples = NDArray[np.float32]

DTYPES = {"int16": 32768.0, "int32": 2147483648.0, "float32": 1.0}  # what full scale is in each
BLOCK = 0.05  # seconds of a file at a time


@app.command(
    epilog=example(
        "gruvy listen seven.safetensors",
        "gruvy listen seven.safetensors street.wav --json",
        "arecord -t raw -f S16_LE -r 16000 | gruvy listen seven.safetensors - --rate 16000",
    )
)
def listen(
    model: ModelFile,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE",
            help="A recording (.wav, .flac, .ogg), or - for raw samples; without it, the microphone.",
        ),
    ] = None,
    microphone: Annotated[bool, typer.Option("--microphone", help="Hear the microphone, as without FILE.")] = False,
    device: Annotated[str | None, typer.Option(help="Which microphone: its number or a part of its name.")] = None,
    rate: Annotated[int | None, typer.Option(help="Samples a second on standard input; else the model's.")] = None,
    dtype: Annotated[str, typer.Option(help="Of samples on standard input: 'int16', 'int32' or 'float32'.")] = "int16",
    threshold: Annotated[float | None, typer.Option(help="From what probability on; else the model's own.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON.")] = False,
) -> None:
    """Hear the word that a model was trained for: print each event, with its time and probability, as it comes.

    A file is heard as fast as it can be read. Standard input is one channel of raw samples, without a header, in the
    byte order of this machine. On a terminal the last line shows the level of the sound and the probability of the
    word. Ctrl-C ends it.
    """
    if microphone and source is not None:
        raise InputError(f"--microphone: expected no FILE with it, or {source} without it")
    if device is not None and source is not None:
        raise InputError(f"--device {device} is a microphone: expected no FILE with it")
    if source != STDIN and rate is not None:
        raise InputError(f"--rate {rate} has no meaning but with -: files and microphones tell their own")
    if dtype not in DTYPES:
        raise InputError(f"--dtype {dtype}: expected int16, int32 or float32")
    if threshold is not None and not 0 < threshold <= 1:
        raise InputError(f"--threshold {threshold}: expected a number above 0 and up to 1")
    from gruvy.detection import Listener
    from gruvy.model.file import load

    net = load(model)
    Listener(net, threshold=threshold)  # whatever is wrong with the model is told before the microphone opens
    with ExitStack() as opened:
        if source is None:
            from gruvy.cli.microphone import hear

            rate, blocks = opened.enter_context(hear(device))
        elif source == STDIN:
            blocks = pcm(sys.stdin.buffer, dtype)
        else:
            from gruvy.data.sound import sound_blocks

            rate, blocks = opened.enter_context(sound_blocks(source, BLOCK))
        listener = Listener(net, rate=rate, threshold=threshold)
        show = opened.enter_context(meter(listener))
        run(listener, blocks, show, json)


def run(listener: Listener, blocks: Iterable[Samples], show: Any, json: bool) -> None:
    """Print the events in blocks of samples, until they end or Ctrl-C comes."""
    try:
        for block in blocks:
            tell(listener, block, show, json)
        tell(listener, np.zeros(0, np.float32), show, json, last=True)
    except KeyboardInterrupt:
        return


def tell(listener: Listener, block: Samples, show: Any, json: bool, last: bool = False) -> None:
    events = listener(block, last)
    show(None)
    for event in events:
        if json:
            line = {"time": event.time, "word": listener.trigger, "probability": round(event.probability, 4)}
            print(json_text.dumps(line, ensure_ascii=False), flush=True)
        else:
            print(f"{event.time:9.2f} s  {listener.trigger}  {event.probability:.2f}", flush=True)
    show(block)


def pcm(stream: Any, dtype: str) -> Iterator[Samples]:
    """Samples from -1 to 1 out of raw bytes, as they come."""
    kind, left, full = np.dtype(dtype), b"", np.float32(DTYPES[dtype])
    while more := stream.read1(1 << 16):
        left += more
        whole = len(left) - len(left) % kind.itemsize
        if whole:
            yield np.frombuffer(left[:whole], kind).astype(np.float32) / full
        left = left[whole:]
    if left:
        rest = "its last byte is" if len(left) == 1 else f"its last {len(left)} bytes are"
        say(f"gruvy: note: standard input ended within a sample of {dtype}; {rest} left out")


@contextmanager
def meter(listener: Listener) -> Iterator[Any]:
    """Shows a block's level and the probability in a line on a terminal, or None removes it."""
    if not sys.stderr.isatty():
        yield lambda block: None
        return

    def show(block: Samples | None) -> None:
        if block is None:
            sys.stderr.write("\r\x1b[K")
        elif len(block):
            loud = 20 * np.log10(max(float(np.sqrt(np.mean(block.astype(np.float64) ** 2))), 1e-6))
            sys.stderr.write(
                f"\r\x1b[Ksound {_bar(1 + loud / 60)} {loud:4.0f} dB   {listener.trigger} "
                f"{_bar(listener.probability)} {listener.probability:.2f}"
            )
        sys.stderr.flush()

    try:
        yield show
    finally:
        show(None)


def _bar(share: float, width: int = 20) -> str:
    filled = round(width * min(max(share, 0.0), 1.0))
    return "█" * filled + "░" * (width - filled)
