"""What every test shares."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("gruvy", deadline=None, max_examples=40, print_blob=True)
settings.load_profile("gruvy")


@pytest.fixture(autouse=True)
def _no_forced_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own GRUVY_ENGINE must not change what the tests say."""
    monkeypatch.delenv("GRUVY_ENGINE", raising=False)
