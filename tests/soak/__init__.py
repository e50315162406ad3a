"""The attack on gruvy, kept: files, the binding, bits, kills, full disks and threads. `make soak` runs it.

Each module attacks one thing. An attack is a row of numbered cases, each made from a seed and its number alone, so that
one number repeats it; `workers` runs them in processes that may crash, hang or eat memory, and `counts` keeps score.
"""

# For the environment, before NumPy is imported. A forked process has only the thread that forked it: who would start
# others does all in one.
ALONE = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")} | {
    "POLARS_MAX_THREADS": "1",
    "GRUVY_MAX_DATA_BYTES": "50000000",  # else a quarter of the memory, which no worker has
}
