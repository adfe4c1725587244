"""Lines of a template that is being written."""

from __future__ import annotations

from collections.abc import Iterable

Lines = list[str]


def indented(lines: Iterable[str]) -> Lines:
    """Return lines a step further in."""
    return [f"    {line}" for line in lines]
