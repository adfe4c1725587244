"""A fault with its place: file, line, column, caret, hint."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

WIDEST = 100


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line of a file. Lines and columns count from 1."""

    path: Path
    line: int
    column: int
    length: int = 1


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake. *code* is stable and short, *message* has the fact and the value."""

    code: str
    message: str
    place: Place | None = None
    help: str | None = None


@dataclass
class ProjectError(Exception):
    """The project or the command is wrong: all its faults at once, in file order. Exit code 2."""

    diagnostics: list[Diagnostic]
    sources: dict[Path, str] = field(default_factory=dict)
    """The text of each file that a place points into, for the lines and carets."""

    def __str__(self) -> str:
        """Return every fault rendered, as it is printed without colour."""
        return "\n\n".join(render(fault, self.sources) for fault in self.diagnostics)


def in_file_order(faults: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return the faults by their places, each once; those without a place come first."""

    def position(fault: Diagnostic) -> tuple[str, int, int]:
        place = fault.place
        return (str(place.path), place.line, place.column) if place else ("", 0, 0)

    return sorted(dict.fromkeys(faults), key=position)


def close_words(word: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """Return the known words that *word* may have been meant to be, the likeliest first."""
    return list(_close_words(word[:100], tuple(dict.fromkeys(known)), most))


@lru_cache(maxsize=256)  # one wrong name is often used in many places
def _close_words(word: str, known: tuple[str, ...], most: int) -> tuple[str, ...]:
    plain = {_plain(other): other for other in known}
    if _plain(word) in plain:
        return (plain[_plain(word)],)
    matches = difflib.get_close_matches(_plain(word), list(plain), n=most, cutoff=0.6)
    return tuple(plain[match] for match in matches)


def _plain(word: str) -> str:
    """Return a word without what is easily mistaken: capitals, and which kind of dash."""
    return word.casefold().replace("_", "-")


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that *word* was most likely meant to be."""
    matches = close_words(word, known, most=1)
    return matches[0] if matches else None


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """Return the help line ``did you mean `a` or `b`?``, or None if nothing known is close."""
    words = [f"`{match}`" for match in close_words(word, known)]
    return f"did you mean {listed(words)}?" if words else None


def listed(words: Iterable[str], *, last: str = "or") -> str:
    """Return words as they are spoken: `a`, `a or b`, `a, b or c`."""
    *before, end = words
    return f"{', '.join(before)} {last} {end}" if before else end


def render(fault: Diagnostic, sources: dict[Path, str]) -> str:
    """Return a fault as text: code and message, place, the line, a caret, help."""
    lines = [f"error[{fault.code}]: {fault.message}"]
    gutter = ""
    if fault.place is not None:
        place = fault.place
        number = str(place.line)
        gutter = " " * len(number)
        lines.append(f"{gutter}--> {place.path}:{place.line}:{place.column}")
        text = _line(sources.get(place.path, ""), place.line)
        if text is not None:
            shown, column = _window(text, place.column)
            pad, marked = shown[: column - 1], shown[column - 1 : column - 1 + place.length]
            lines.append(f"{gutter} |")
            lines.append(f"{number} | {shown}")
            lines.append(f"{gutter} | {' ' * _width(pad)}{'^' * max(1, _width(marked))}")
    if fault.help:
        lines.append(f"{gutter} = help: {fault.help}")
    return "\n".join(lines)


@lru_cache(maxsize=4)
def _lines(text: str) -> list[str]:
    return text.splitlines()


def _line(text: str, number: int) -> str | None:
    lines = _lines(text)
    return lines[number - 1].replace("\t", " ") if 0 < number <= len(lines) else None


def _window(text: str, column: int) -> tuple[str, int]:
    """Cut a very long line to what surrounds the caret."""
    if len(text) <= WIDEST:
        return text, column
    start = max(0, column - WIDEST // 2)
    return text[start : start + WIDEST], column - start


def _width(text: str) -> int:
    """Return how many columns of a terminal *text* takes: a Chinese character takes two."""
    return sum(
        0
        if unicodedata.combining(character)
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )
