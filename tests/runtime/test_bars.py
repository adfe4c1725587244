"""Bars of `fail_if`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from ftc_runtime.bars import Bar, breach, exceeds
from ftc_runtime.stages.dataset.spec import FailIf


@pytest.mark.parametrize(
    ("count", "bar", "of", "expected"),
    [
        (5, None, 5, False),
        (0, 0, 10, False),
        (1, 0, 10, True),
        (3, 3, 10, False),
        (1, "10%", 10, False),
        (2, "10%", 10, True),
        (1, "0.1%", 1000, False),
        (2, "0.1%", 1000, True),
        (0, "0%", 0, False),
    ],
)
def test_a_bar_is_a_number_of_rows_or_a_share_of_them(
    count: int, bar: Bar | None, of: int, expected: bool
) -> None:
    """So many are allowed, and one more is not; shares are exact."""
    assert exceeds(count, bar, of=of) is expected


def test_a_breach_says_the_figure_the_share_the_bar_and_the_places() -> None:
    """All in one line."""
    assert breach("dropped", 3, "1%", of=40, where="rows 1, 2, 7") == (
        "dropped: 3 of 40 rows (7.5%), allowed 1%: rows 1, 2, 7"
    )
    assert breach("dropped", 3, 3, of=40, where="") is None


@pytest.mark.parametrize("value", [0.01, -1, "1", "101%", "1 %", "-1%", True, "one", "\u0661%"])
def test_nothing_else_is_a_bar(value: object) -> None:
    """0.01 could be a share or a slip of the pen."""
    with pytest.raises(ValidationError):
        FailIf.model_validate({"dropped": value})
