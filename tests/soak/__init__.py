"""The attack on gruvy, kept: files, the binding, bits, kills, full disks and threads. `make soak` runs it.

Each module attacks one thing. An attack is a row of numbered cases, each made from a seed and its number alone, so that
one number repeats it; `workers` runs them in processes that may crash, hang or eat memory, and `counts` keeps score.
"""
