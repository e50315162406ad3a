"""One number of threads in a process of its own: `python -m gruvy.bench ORDER.json-text OUT`."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

from . import Order, measure


def main() -> None:
    order, out = Order(*json.loads(sys.argv[1])), Path(sys.argv[2])
    out.write_text(json.dumps(measure(order, partial(print, flush=True))))


if __name__ == "__main__":
    main()
