"""Where a text may be cut: between characters as people see them, not in a spelled special."""

from __future__ import annotations

import re
import unicodedata

JOINER = "\u200d"


def last_boundary(text: str, at: int, spelled: re.Pattern[str]) -> int:
    """Return the last place up to *at*, and behind the first character, where a text may be cut."""
    first = first_boundary(text, spelled)
    while at > first and not _is_boundary(text, at, spelled):
        at -= 1
    return max(at, first)


def first_boundary(text: str, spelled: re.Pattern[str]) -> int:
    """Return where the first character of a text, or the special token that it spells, ends."""
    return next(at for at in range(1, len(text) + 1) if _is_boundary(text, at, spelled))


def _is_boundary(text: str, at: int, spelled: re.Pattern[str]) -> bool:
    if at >= len(text):
        return True
    if text[at - 1] == JOINER or _joins(text[at]):
        return False
    around = max(0, at - 200)
    return not any(
        match.start() + around < at < match.end() + around
        for match in spelled.finditer(text[around : at + 200])
    )


def _joins(character: str) -> bool:
    """Tell whether a character belongs to the one in front of it."""
    return (
        character == JOINER
        or unicodedata.category(character) in ("Mn", "Mc", "Me")
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )
