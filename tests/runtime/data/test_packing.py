"""Best-fit decreasing: every row in one pack, no pack too full, as few packs as it finds."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftc_runtime.data.packing import best_fit, packs_needed


def lengths_of(*lengths: int) -> np.ndarray:
    """Return lengths as token rows tell them."""
    return np.array(lengths, np.int64)


def plain_best_fit(lengths: list[int], size: int) -> list[list[int]]:
    """Return the packs as the plainest search finds them: the newest of those that fit best."""
    packs: list[tuple[int, int, list[int]]] = []  # room, when it was filled last, rows
    numbered: list[list[int]] = []
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    for turn, row in enumerate(order):
        fitting = [pack for pack in packs if pack[0] >= lengths[row]]
        if fitting:
            best = min(fitting, key=lambda pack: (pack[0], -pack[1]))
            packs.remove(best)
        else:
            best = (size, turn, [])
            numbered.append(best[2])
        best[2].append(row)
        packs.append((best[0] - lengths[row], turn, best[2]))
    return numbered


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 32), max_size=60), st.integers(32, 48))
def test_it_finds_what_a_plain_search_finds(lengths: list[int], size: int) -> None:
    """Every row is in one pack, and none has more tokens than it holds."""
    packs = best_fit(lengths_of(*lengths), size=size)

    assert packs == plain_best_fit(lengths, size)
    assert len(packs) == packs_needed(Counter(lengths), size=size)
    assert sorted(row for pack in packs for row in pack) == list(range(len(lengths)))
    assert all(sum(lengths[row] for row in pack) <= size for pack in packs)


def test_the_packs_are_those_of_before() -> None:
    """Golden packs: other ones would retrain every model to other weights."""
    packs = best_fit(lengths_of(3, 9, 4, 4, 1, 6, 2, 10, 4), size=10)

    assert packs == [[7], [1, 4], [5, 2], [3, 8, 6], [0]]


def test_packs_of_many_rows_are_full() -> None:
    """Of lengths as chats have them, less than a thousandth is left empty."""
    lengths = np.random.default_rng(1).lognormal(5.4, 0.9, 20_000).astype(np.int64).clip(1, 2048)

    packs = packs_needed(Counter(lengths.tolist()), size=2048)

    assert lengths.sum() / (packs * 2048) > 0.999


def test_a_row_longer_than_a_pack_is_an_error() -> None:
    """It is never cut."""
    with pytest.raises(ValueError, match="a row of 11 tokens is in no pack of 10"):
        best_fit(lengths_of(3, 11), size=10)
