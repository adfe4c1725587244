"""A few rows of a file for a rehearsal: the longest, and always fewer of the shorter ones."""

from __future__ import annotations

from pathlib import Path

from ftc_runtime.data.rows import rows_file


def keep_sample(path: Path) -> None:
    """Leave only a sample of a file's rows in it, in their order. Some 20 of a million are left."""
    with path.open(encoding="utf-8", newline="\n") as file:
        lengths = [len(line) for line in file]
    by_length = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    kept = {by_length[rank] for rank in sample_ranks(len(lengths))}
    with path.open(encoding="utf-8", newline="\n") as file:
        lines = [line for row, line in enumerate(file) if row in kept]
    with rows_file(path) as sample:
        sample.writelines(lines)


def sample_ranks(rows: int) -> list[int]:
    """Return the ranks to keep, 0 being the longest row's: 0, 1, 2, 4, 8, ... and the last.

    If the longest are dropped as longer than max_length, one that is not much shorter than the
    longest of the others is still there, and the shortest is whenever anything is.
    """
    powers = [1 << bit for bit in range(rows.bit_length()) if 1 << bit < rows]
    return sorted({*([0, rows - 1] if rows else []), *powers})
