"""So many rows of a set, by a hash of seed and row."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ftc_runtime.data.drawing import drawn
from ftc_runtime.data.rows import Text


def words(rows: Iterable[str], folder: Path, *, count: int, seed: int = 0) -> list[str]:
    """Return the texts that are drawn of these, each at the place of its number."""
    placed = [(number, Text(row)) for number, row in enumerate(rows, start=1)]
    found = []
    for place, row in drawn(placed, count=count, seed=seed, scratch=folder / "rows.jsonl"):
        assert isinstance(row, Text)
        assert placed[int(place) - 1][1] == row
        found.append(row.text)
    return found


ROWS = [f"row {number}\t\u4e00\u2028" for number in range(200)]


def test_just_so_many_in_the_order_of_the_file(tmp_path: Path) -> None:
    """The same ones each time, others with another seed, and nothing is left behind."""
    first = words(ROWS, tmp_path, count=50)
    again = words(ROWS, tmp_path, count=50)
    other = words(ROWS, tmp_path, count=50, seed=1)

    assert len(set(first)) == 50
    assert first == sorted(first, key=ROWS.index) == again
    assert 5 < len(set(first) & set(other)) < 25
    assert list(tmp_path.iterdir()) == []


def test_one_more_row_moves_one_at_most(tmp_path: Path) -> None:
    """And fewer samples are a part of more."""
    before = words(ROWS, tmp_path, count=50)
    moved = [
        len({*before} - {*words([*ROWS, f"new {number}"], tmp_path, count=50)})
        for number in range(20)
    ]
    fewer = words(ROWS, tmp_path, count=20)

    assert set(moved) <= {0, 1}
    assert {*fewer} < {*before}


def test_equal_rows_are_rows_of_their_own(tmp_path: Path) -> None:
    """Of a row that is there five times two may be drawn, never ten of five."""
    assert words(["same"] * 5, tmp_path, count=2) == ["same", "same"]
    assert words(["same"] * 5, tmp_path, count=10) == ["same"] * 5
