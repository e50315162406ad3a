"""The native engine: the C++ core on NumPy arrays."""

from __future__ import annotations


def available() -> tuple[bool, str]:
    """Whether the native engine is there, and why, or why not."""
    return False, "this build has no native core"
