"""Which rows are held out."""

from __future__ import annotations

from ftc_runtime.data.holdout import is_held_out

LINES = [f"row {number}" for number in range(2000)]


def test_the_share_is_near_the_fraction() -> None:
    """Binomial: 300 expected of 2,000, four standard deviations are 64."""
    held = sum(is_held_out(line, fraction=0.15, seed=7) for line in LINES)

    assert 236 < held < 364


def test_another_seed_holds_out_other_rows() -> None:
    """And a greater fraction with the same seed holds out those and more."""
    one = {line for line in LINES if is_held_out(line, fraction=0.1, seed=1)}
    two = {line for line in LINES if is_held_out(line, fraction=0.1, seed=2)}
    more = {line for line in LINES if is_held_out(line, fraction=0.2, seed=1)}

    assert one != two
    assert one < more
