"""Text inside a Jinja template."""

from __future__ import annotations

ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def jinja_string(text: str) -> str:
    """Return a text as a Jinja string."""
    return "'" + "".join(ESCAPES.get(character, character) for character in text) + "'"
