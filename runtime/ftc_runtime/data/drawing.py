"""So many rows of a set, drawn by a hash of seed and row: one more row moves at most one other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from heapq import heappush, heappushpop
from pathlib import Path

from ftc_runtime import events
from ftc_runtime.data.rows import Row, row_from, row_line, rows_file

Placed = tuple[int | str, Row]
"""A row and where it stands."""


def drawn(rows: Iterable[Placed], *, count: int, seed: int, scratch: Path) -> Iterator[Placed]:
    """Give *count* of the rows in their order, or all if there are fewer, which is warned of.

    All rows go through the file *scratch* once; memory grows with *count* alone.
    """
    nearest: list[tuple[int, int]] = []
    """The rows with the smallest hashes, as a heap: the next to go is at its top."""
    read = 0
    with rows_file(scratch) as file:
        for read, (place, row) in enumerate(rows, start=1):
            line = row_line(row)
            file.write(f"{json.dumps(place)}\t{line}\n")
            # Negative, since the heap has its smallest on top; of equal rows the earlier stay.
            entry = (-_hash(line, seed), -read)
            if len(nearest) < count:
                heappush(nearest, entry)
            else:
                heappushpop(nearest, entry)
    if read < count:
        events.warning(f"num_samples is {count}, and of {read} rows all are taken")
    chosen = {-number for _, number in nearest}
    with scratch.open(encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if number in chosen:
                where, _, text = line.partition("\t")
                yield json.loads(where), row_from(json.loads(text))
    scratch.unlink()


def _hash(line: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"sample {seed}\n{line}".encode()).digest()[:8])
