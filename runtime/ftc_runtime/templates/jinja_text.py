"""Pieces of a Jinja template. Every tag trims the white space around it."""

from __future__ import annotations

from ftc_runtime.templates.lines import Lines, indented

ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def jinja_string(text: str) -> str:
    """Return a text as a Jinja string."""
    return "'" + "".join(ESCAPES.get(character, character) for character in text) + "'"


def when(condition: str, lines: Lines) -> Lines:
    """Return lines that are written under a condition; nothing, if there are none."""
    if not lines:
        return []
    return ["{%- if " + condition + " -%}", *indented(lines), "{%- endif -%}"]
