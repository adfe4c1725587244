"""A fault with its place: file, line, column, caret, hint."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line of a file. Lines and columns count from 1."""

    path: Path
    line: int
    column: int
    length: int = 1


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake. *code* is stable and short (`unknown-key`); *message* has the fact and the value."""

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


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that *word* was most likely meant to be."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


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
            carets = "^" * max(1, min(place.length, len(shown) - column + 1))
            lines.append(f"{gutter} |")
            lines.append(f"{number} | {shown}")
            lines.append(f"{gutter} | {' ' * (column - 1)}{carets}")
    if fault.help:
        lines.append(f"{gutter} = help: {fault.help}")
    return "\n".join(lines)


def _line(text: str, number: int) -> str | None:
    lines = text.splitlines()
    return lines[number - 1].replace("\t", " ") if 0 < number <= len(lines) else None


def _window(text: str, column: int, width: int = 100) -> tuple[str, int]:
    """Cut a very long line to what surrounds the caret."""
    if len(text) <= width:
        return text, column
    start = max(0, column - width // 2)
    return text[start : start + width], column - start
