"""Which dataset gives the next row: as `datasets.interleave_datasets` has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pytest
from datasets import Dataset, interleave_datasets

from ftc_runtime.stages.tokens.mixing import at_random, draws, in_turns
from ftc_runtime.stages.tokens.spec import Mix

STRATEGIES: dict[Mix, Any] = {
    "interleave_under": "first_exhausted",
    "interleave_over": "all_exhausted",
    "interleave_once": "all_exhausted_without_replacement",
}


def theirs(rows: Sequence[int], mix: Mix, weights: list[float] | None = None) -> list[int]:
    """Return the dataset of each row that `interleave_datasets` gives."""
    columns = [Dataset.from_dict({"dataset": [number] * own}) for number, own in enumerate(rows)]
    mixed = interleave_datasets(
        columns, probabilities=weights, seed=3, stopping_strategy=STRATEGIES[mix]
    )
    return list(mixed["dataset"])


def their_draws(weights: list[float]) -> Iterator[int]:
    """Yield what `interleave_datasets` draws."""
    generator = np.random.default_rng(3)
    while True:
        yield from map(int, generator.choice(len(weights), size=1000, p=weights))


@pytest.mark.parametrize("mix", STRATEGIES)
@pytest.mark.parametrize("rows", [[3, 4, 5], [5, 1, 5], [2, 2], [7]], ids=str)
def test_without_weights_datasets_take_turns(rows: list[int], mix: Mix) -> None:
    """Row by row in the same order as theirs."""
    assert list(in_turns(rows, mix)) == theirs(rows, mix)


@pytest.mark.parametrize("mix", STRATEGIES)
@pytest.mark.parametrize("weights", [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], ids=str)
def test_with_weights_they_are_drawn(weights: list[float], mix: Mix) -> None:
    """From the same draws comes the same order."""
    rows = [30, 10, 50]

    ours = list(at_random(rows, mix, their_draws(weights)))

    assert ours == theirs(rows, mix, weights)


@pytest.mark.parametrize(
    ("mix", "order"),
    [("interleave_under", []), ("interleave_over", [1, 1, 1]), ("interleave_once", [1, 1, 1])],
)
def test_a_dataset_without_rows_gives_none(mix: Mix, order: list[int]) -> None:
    """And no search without end."""
    assert list(in_turns([0, 3], mix)) == order
    assert list(at_random([0, 3], mix, draws([1, 1], seed=0))) == order


def test_draws_are_as_weighed_and_the_same_everywhere() -> None:
    """Weights need no sum of 1. A golden order: another one would be another data set."""
    drawn = list(islice(draws([6, 3, 1], seed=5), 30_000))

    assert drawn[:20] == [1, 1, 1, 2, 1, 2, 0, 0, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert Counter(drawn) == {0: 17_896, 1: 9_008, 2: 3_096}
    assert drawn != list(islice(draws([6, 3, 1], seed=6), 30_000))
