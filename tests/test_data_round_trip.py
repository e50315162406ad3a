"""Any sequences written to CSV come back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gruvy.data import read


@given(
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    channels=st.integers(1, 3),
    wide=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_round_trip_through_csv(tmp_path_factory, lengths, channels, wide, seed):
    rng = np.random.default_rng(seed)
    x = [rng.standard_normal((length, channels)) * 10.0 ** rng.integers(-12, 12) for length in lengths]
    path = tmp_path_factory.mktemp("round") / "data.csv"
    names = [f"c{'abc'[i]}" for i in range(channels)]
    if wide:
        longest = max(lengths)
        header = ["id"] + [f"{name}_{t}" for name in names for t in range(longest)]
        rows = [
            [str(i)] + [repr(float(one[t, c])) if t < len(one) else "" for c in range(channels) for t in range(longest)]
            for i, one in enumerate(x)
        ]
    else:
        header = ["id", *names]
        rows = [[str(i), *map(repr, step)] for i, one in enumerate(x) for step in one.tolist()]
    path.write_text("\n".join(",".join(row) for row in [header, *rows]) + "\n")
    made = read(path, wide=wide)
    assert made.ids == [str(i) for i in range(len(x))]
    assert made.features == names
    for got, one in zip(made.x, x, strict=True):
        assert np.array_equal(got, one)
