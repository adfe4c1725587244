"""How long a run takes, from earlier runs of its kind: a range, and never one without a basis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

SAME_WORK = 0.1
"""Runs whose work differs by less are taken for equals."""

LATEST = 10


class Timed(NamedTuple):
    """An earlier run: its seconds, and how much work that was."""

    seconds: float
    work: float | None


class Duration(NamedTuple):
    """Seconds, from the least to the most that is to be expected, and from how many runs."""

    low: float
    high: float
    runs: int


def duration(runs: Sequence[Timed], work: float | None) -> Duration | None:
    """Return how long *work* takes. *runs* are newest first; *work* is None where nobody measures.

    Runs of as much work say it as they are. From two amounts of work a line is drawn. From one
    alone nobody knows how much of its time was start-up: it lies between all and nothing of it.
    """
    if not runs:
        return None
    if work is None:
        return _range([run.seconds for run in runs[:LATEST]])
    measured = [(run.seconds, run.work) for run in runs if run.work][:LATEST]
    if not measured:
        return None
    same = [seconds for seconds, done in measured if abs(done - work) <= SAME_WORK * work]
    if same:
        return _range(same)
    amounts = [done for _, done in measured]
    if max(amounts) - min(amounts) > SAME_WORK * max(amounts):
        return _on_a_line(measured, work)
    bounds = [bound for seconds, done in measured for bound in (seconds, seconds * work / done)]
    return _range(bounds)._replace(runs=len(measured))


def total(durations: Sequence[Duration]) -> Duration | None:
    """Return how long they take one after the other; None of none."""
    if not durations:
        return None
    lows, highs, runs = zip(*durations, strict=True)
    return Duration(sum(lows), sum(highs), sum(runs))


def _range(seconds: Sequence[float]) -> Duration:
    return Duration(min(seconds), max(seconds), len(seconds))


def _on_a_line(measured: Sequence[tuple[float, float]], work: float) -> Duration:
    """Least squares of seconds = start-up + work x rate, neither below nothing."""
    count = len(measured)
    mean_s = sum(seconds for seconds, _ in measured) / count
    mean_w = sum(done for _, done in measured) / count
    spread = sum((done - mean_w) ** 2 for _, done in measured)
    slope = sum((done - mean_w) * (seconds - mean_s) for seconds, done in measured) / spread
    rate = min(max(slope, 0.0), mean_s / mean_w)
    start_up = mean_s - rate * mean_w
    off = [seconds / (start_up + rate * done) for seconds, done in measured]
    expected = start_up + rate * work
    return Duration(expected * min(off), expected * max(off), count)
