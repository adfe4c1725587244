"""The few rows of a rehearsal: chosen by length, the longest among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftc_runtime.data.sample import keep_sample, sample_ranks


@pytest.mark.parametrize(
    ("rows", "ranks"),
    [(0, []), (1, [0]), (2, [0, 1]), (5, [0, 1, 2, 4]), (12, [0, 1, 2, 4, 8, 11])],
)
def test_the_longest_rows_come_close_and_the_others_ever_farther_apart(
    rows: int, ranks: list[int]
) -> None:
    """So one is left however many are dropped as too long."""
    assert sample_ranks(rows) == ranks


def test_a_sample_keeps_the_order_of_the_file(tmp_path: Path) -> None:
    """Of rows of 1 to 12 letters in a mixed order: ranks 0, 1, 2, 4, 8 and 11."""
    lengths = [3, 12, 7, 1, 10, 4, 11, 2, 9, 5, 8, 6]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join("x" * length + "\n" for length in lengths))

    keep_sample(file)

    kept = [len(line) for line in file.read_text().splitlines()]
    assert kept == [12, 1, 10, 4, 11, 8]


def test_a_million_rows_come_down_to_twenty() -> None:
    """The sample grows with the logarithm of the rows."""
    assert len(sample_ranks(1_000_000)) == 22
