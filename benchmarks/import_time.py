"""How long `import gruvy` takes beyond NumPy's own import: medians of fresh interpreters, interleaved."""

from __future__ import annotations

import statistics
import subprocess
import sys

CODE = "import time; import numpy; t = time.perf_counter(); {}; print(time.perf_counter() - t)"


def seconds(statement: str) -> float:
    done = subprocess.run([sys.executable, "-c", CODE.format(statement)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main(repeats: int = 15) -> None:
    both = [(seconds("import gruvy"), seconds("pass")) for _ in range(repeats)]
    ours = sorted(a - b for a, b in both)
    print(
        f"import gruvy, beyond NumPy: median {statistics.median(ours):.4f} s of {repeats} "
        f"(from {ours[0]:.4f} to {ours[-1]:.4f}); the limit is 0.05 s"
    )


if __name__ == "__main__":
    main()
