"""How fast the kernels are from clang beside those from GCC: both builds in turns, each in a process of its own.

    compilers.py [--rounds 20] [--isa avx2] [--budget 0.1] [--threads 1]

The same GCC build comes twice, as control. For each shape the medians and quartiles over the rounds of GCC's time over
clang's, and over that of GCC itself, for inference and for training: above 1 faster than GCC. Keep the machine idle.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

NATIVE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(NATIVE / "tests"))
import loops  # noqa: E402  # how each set is compiled

FLAGS = ("-std=c++20", "-O3", "-march=x86-64", "-ffp-contract=off", "-pthread")
SETS = {"avx2": loops.AVX2, "avx512": (*loops.AVX512, "-mprefer-vector-width=512")}
COLUMNS = {"inference": 4, "training": 10}  # of a line of bench's, milliseconds


def built(compiler: str, isa: str, folder: Path) -> Path:
    """The bench from one compiler; bench.cpp names the kernels of AVX2."""
    program, objects = folder / compiler, []
    kernels = (NATIVE / "src/kernels.cpp", ("-fno-exceptions", *SETS[isa]))
    rest = [(NATIVE / f"src/{name}.cpp", ()) for name in ("workspace", "pool")]
    bench = (NATIVE / "bench/bench.cpp", (f"-Davx2={isa}",))
    for source, flags in (kernels, *rest, bench):
        objects.append(folder / f"{compiler}-{source.stem}.o")
        subprocess.run([compiler, *FLAGS, *flags, "-c", source, "-o", objects[-1]], check=True)
    subprocess.run([compiler, "-pthread", *objects, "-o", program], check=True)
    return program


def times(program: Path, threads: int, budget: float) -> dict[str, dict[str, float]]:
    """Milliseconds by shape."""
    asked = [program, str(threads), "1", "-1", str(budget), "2", "1"]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    found = {}
    for line in lines:
        cells = line.replace("|", " ").split()
        found[", ".join(cells[:4])] = {name: float(cells[at]) for name, at in COLUMNS.items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--isa", choices=SETS, default="avx2")
    parser.add_argument("--budget", type=float, default=0.1, help="seconds a shape in each round, one run at least")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        programs = [built(compiler, given.isa, Path(place)) for compiler in ("g++", "clang++")]
        rounds = []
        for _ in range(given.rounds):
            rounds.append([times(p, given.threads, given.budget) for p in (*programs, programs[0])])
    worst, control = 9.0, 9.0
    print(f"{given.isa}, {given.rounds} rounds: T, B, I, H | clang | GCC again")
    for shape in rounds[0][0]:
        for what in COLUMNS:
            told = []
            for other in (1, 2):
                ratios = [r[0][shape][what] / r[other][shape][what] for r in rounds]
                low, middle, high = statistics.quantiles(ratios, n=4)
                told.append(f"{middle:.2f} ({low:.2f} to {high:.2f})")
                worst, control = (min(worst, middle), control) if other == 1 else (worst, min(control, middle))
            print(f"{shape}, {what} | {' | '.join(told)}", flush=True)
    print(f"worst median: clang {worst:.2f}, GCC again {control:.2f}")


if __name__ == "__main__":
    main()
