"""Pieces of a Jinja template. Every tag trims the white space around it."""

from __future__ import annotations

from collections.abc import Iterable

Lines = list[str]

ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def jinja_string(text: str) -> str:
    """Return a text as a Jinja string."""
    return "'" + "".join(ESCAPES.get(character, character) for character in text) + "'"


def when(condition: str, lines: Lines) -> Lines:
    """Return lines that are written under a condition; nothing, if there are none."""
    if not lines:
        return []
    return ["{%- if " + condition + " -%}", *indented(lines), "{%- endif -%}"]


def indented(lines: Iterable[str]) -> Lines:
    """Return lines a step further in."""
    return [f"    {line}" for line in lines]
