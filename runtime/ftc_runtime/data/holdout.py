"""Which rows are held out: by a hash of seed and row, so that adding one moves no other."""

from __future__ import annotations

import hashlib


def is_held_out(line: str, *, fraction: float, seed: int) -> bool:
    """Tell whether a row, as its canonical line, is kept from training. Equal rows go one way."""
    digest = hashlib.sha256(f"{seed}\n{line}".encode()).digest()
    return int.from_bytes(digest[:8]) < fraction * 2**64
