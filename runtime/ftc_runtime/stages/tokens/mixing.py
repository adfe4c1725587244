"""Which dataset gives the next row, by the strategies of `datasets.interleave_datasets`.

A dataset gives its rows in their order, and begins again where it is at an end.

"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from ftc_runtime.stages.tokens.spec import Mix


def in_turns(rows: Sequence[int], mix: Mix) -> Iterator[int]:
    """Yield the number of the dataset of each row, where they take turns. *rows*: of each."""
    rounds = min(rows) if mix == "interleave_under" else max(rows)
    for turn in range(rounds):
        for number, own in enumerate(rows):
            if turn < own or (own and mix == "interleave_over"):
                yield number


def at_random(rows: Sequence[int], mix: Mix, drawn: Iterable[int]) -> Iterator[int]:
    """Yield the number of the dataset of each row, out of *drawn*, which is without end."""
    taken = [0] * len(rows)
    unfinished = sum(own > 0 for own in rows)
    enough = len(rows) if mix == "interleave_under" else 1
    for number in drawn:
        if unfinished < enough:
            return
        if taken[number] >= rows[number] and (mix == "interleave_once" or not rows[number]):
            continue
        yield number
        taken[number] += 1
        unfinished -= taken[number] == rows[number]


def draws(weights: Sequence[float], *, seed: int) -> Iterator[int]:
    """Yield dataset numbers without end, each as often as its weight says of all weights.

    The same for a seed everywhere: Python promises that of `random()`, and of nothing built on it.
    """
    bounds = list(accumulate(weights))
    generator = random.Random(seed)
    while True:
        # The product may be rounded up to the last bound, which belongs to nobody.
        yield min(bisect(bounds, generator.random() * bounds[-1]), len(bounds) - 1)
