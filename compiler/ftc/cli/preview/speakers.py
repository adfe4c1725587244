"""Turns by who speaks in them: an assistant thinks, calls and answers in one turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from ftc_runtime.preview.records import Part, Row, Stretch, Turn, Version

OF_KIND = {"thinking": "thinks", "call": "calls", "tools": "tools"}


class Speech(NamedTuple):
    """Stretches behind one another that one speaker says."""

    speaker: str
    message: int | None
    """Its number in the conversation; None for what the template says by itself."""
    stretches: list[Stretch]


def speeches(turns: Sequence[Turn]) -> Iterator[Speech]:
    """Give the stretches of turns by their speakers, those of a turn behind one another."""
    said = [
        (OF_KIND.get(stretch.kind, turn.who), turn.message, stretch)
        for turn in turns
        for stretch in turn.stretches
    ]
    for (speaker, message), own in groupby(said, lambda one: one[:2]):
        yield Speech(speaker, message, [stretch for _, _, stretch in own])


def line_ends(stretch: Stretch, speech: Speech) -> tuple[str, int]:
    """Return the text without the line ends behind it, and their number, where they are shown.

    That is behind all that a speaker says: empty lines tell nobody how many there are.
    """
    if stretch is not speech.stretches[-1]:
        return stretch.text, 0
    text = stretch.text.rstrip("\n")
    return text, len(stretch.text) - len(text)


def counts(row: Row, version: Version, unit: str) -> str:
    """Return how long a row is, what is trained of it, and what became of it."""
    label = {None: "", True: ", wanted", False: ", not wanted"}[row.label]
    if version.tokens is None:
        return f"{row.size:,} {unit}{label}"
    size = f"{version.tokens:,} tokens"
    if version.status == "dropped":
        return f"{size}{label}, dropped: {version.reason}"
    cut = f", {version.cut:,} cut" if version.cut else ""
    return f"{size}, {version.trained:,} trained{cut}{label}"


def found(part: Part, unit: str) -> list[str]:
    """Return what was found in all rows of a part, if they were looked at."""
    measured = part.measured
    if measured is None:
        return []
    sizes = ", ".join(f"{share} {size:,}" for share, size in measured.quantiles.items())
    cut = f", {measured.cut:,} of them cut" if measured.cut else ""
    dropped = "".join(f", {count:,} dropped: {why}" for why, count in measured.dropped.items())
    lines = [f"{rows(measured.kept)} kept{cut}{dropped}"]
    if unit == "tokens":
        lines.append(f"{measured.tokens:,} tokens, {measured.trained:,} trained")
    return [*lines, f"{unit} of a row, at most: {sizes}"]


def rows(count: int) -> str:
    """Return `1 row`, `2,000 rows`."""
    return f"{count:,} row{'' if count == 1 else 's'}"
