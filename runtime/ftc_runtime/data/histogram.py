"""How many rows are how long, in few numbers."""

from __future__ import annotations

from collections import Counter

from ftc_runtime.contract import Json


def histogram(counts: Counter[int], *, least: int = 1) -> dict[str, Json]:
    """Return the rows of up to *least*, twice that, four times that, ..., from value -> rows."""
    rows: Counter[int] = Counter()
    for value, count in counts.items():
        rows[max(least, 1 << (max(value, 1) - 1).bit_length())] += count
    return {f"<={bound}": rows[bound] for bound in sorted(rows)}


def quantile(counts: Counter[int], share: float) -> int:
    """Return the smallest value that at least such a share of the rows do not exceed."""
    wanted, rows = share * counts.total(), 0
    for value in sorted(counts):
        rows += counts[value]
        if rows >= wanted:
            return value
    return 0
