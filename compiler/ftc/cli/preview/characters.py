"""Text of strangers, made fit to be printed: nothing in it moves a cursor or turns a line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069⟦⟧\ud800-\udfff]"
)
"""Control characters, what turns the direction of text, and the marks that are our own."""
TAB = "    "


def visible(text: str) -> str:
    """Return a text in which each character that would do something is spelled: `\\x1b`."""
    return UNSEEN.sub(lambda found: _spelled(found[0]), text.replace("\t", TAB))


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def columns(character: str) -> int:
    """Return how many columns of a terminal a character takes: 0, 1 or 2."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class Piece(NamedTuple):
    """What stands on one line, and its columns."""

    text: str
    width: int


def wrapped(text: str, room: int | None, *, used: int = 0) -> Iterator[Piece]:
    """Give a text in pieces of at most *room* columns, the first behind *used* ones.

    It is folded at spaces where there are any, and between any two characters else.
    """
    if room is None:
        yield Piece(text, 0)
        return
    start, width, space = 0, used, -1
    for at, character in enumerate(text):
        if width + columns(character) > room:
            stop = space + 1 if space >= start else at
            yield _piece(text[start:stop])
            start, space = stop, -1
            width = sum(map(columns, text[start:at]))
        if character == " ":
            space = at
        width += columns(character)
    yield _piece(text[start:])


def _piece(text: str) -> Piece:
    return Piece(text, sum(map(columns, text)))
