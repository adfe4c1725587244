"""How many rows are how long."""

from __future__ import annotations

from collections import Counter

from ftc_runtime.data.histogram import histogram, quantile


def test_bounds_double() -> None:
    """From the least on; each bound is in its own bin, and empty bins are not there."""
    counts = Counter({1: 2, 16: 1, 17: 1, 32: 1, 33: 4, 500: 1})

    assert histogram(counts, least=16) == {"<=16": 3, "<=32": 2, "<=64": 4, "<=512": 1}
    assert histogram(Counter()) == {}


def test_quantiles_are_values_that_occur() -> None:
    """The smallest that at least such a share of the rows do not exceed."""
    counts = Counter(range(1, 101))

    assert [quantile(counts, share) for share in (0.5, 0.99, 1.0)] == [50, 99, 100]
    assert quantile(Counter(), 0.5) == 0
