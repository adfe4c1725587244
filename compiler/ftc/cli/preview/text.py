"""The answer as text: who speaks at the left, what is said beside it, ⟦⟧ around what is trained."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ftc.cli.console import Console
from ftc.cli.preview.characters import visible, wrapped
from ftc.cli.preview.speakers import Speech, counts, found, line_ends, rows, speeches
from ftc_runtime.preview.records import Answer, Row, Stretch, Turn

TRAINED, END = "⟦", "⟧"
NEWLINE = "↵"
"""A line end that the template wrote, or that ends what somebody says."""
GUTTER = 9
LEAST_ROOM = 20
CUT_SHOWN = 60
STYLES = {
    "system": "dim",
    "template": "dim",
    "user": "blue",
    "tool": "yellow",
    "tools": "yellow",
    "thinks": "dim",
    "rejected": "red",
}
OTHER_STYLE = "green"


class _Run(NamedTuple):
    """A text of one style."""

    text: str
    style: str | None = None


class Text:
    """Writes an answer for people, as wide as the terminal is."""

    def __init__(self, console: Console, *, ids: bool, with_unread: bool) -> None:
        """*with_unread* tells also of the rows that never got into the dataset."""
        self._console = console
        self._ids = ids
        self._with_unread = with_unread
        self._room: int | None = None
        if console.out.isatty():
            width = os.get_terminal_size(console.out.fileno()).columns
            self._room = max(width - GUTTER - 3, LEAST_ROOM)

    def of(self, answer: Answer) -> str:
        """Return all of it."""
        lines: list[str] = []
        for part in answer.parts:
            for row in part.shown:
                lines += [*self._row(row, answer.unit), ""]
            lines.append(f"{part.name}: {len(part.shown):,} of {rows(part.rows)} shown")
            lines += [f"  {line}" for line in found(part, answer.unit)]
        if self._with_unread:
            for one in answer.unread:
                places = ", ".join(one.places) + (", ..." if one.rows > len(one.places) else "")
                lines.append(f"not read, {rows(one.rows)}: {visible(one.reason)}: {places}")
        return "\n".join(lines)

    def _row(self, row: Row, unit: str) -> Iterator[str]:
        for version in row.versions:
            name = f" {version.name}" if version.name else ""
            head = f"{row.part} {row.number}{name}  {row.place}  {counts(row, version, unit)}"
            yield self._console.styled(visible(head), "bold")
            yield from self._turns(version.turns)

    def _turns(self, turns: Sequence[Turn]) -> Iterator[str]:
        said = list(speeches(turns))
        is_open = False
        for index, speech in enumerate(said):
            runs = list(self._runs(speech, is_open=is_open))
            is_open = speech.stretches[-1].trained
            follows = said[index + 1].stretches[0].trained if index + 1 < len(said) else False
            if is_open and not follows:
                runs = _behind(runs, _Run(END, "green"))
                is_open = False
            style = STYLES.get(speech.speaker, OTHER_STYLE)
            for number, line in enumerate(self._lines(runs)):
                shown = speech.speaker if number == 0 else ""
                yield f"{self._console.styled(f'{shown:>{GUTTER}}', style)} │ {line}".rstrip()

    def _runs(self, speech: Speech, *, is_open: bool) -> Iterator[_Run]:
        """Give what is shown of each stretch, with a mark where training begins or ends."""
        runs: list[_Run] = []
        for stretch in speech.stretches:
            if stretch.trained and not is_open:
                runs.append(_Run(TRAINED, "green"))
            if is_open and not stretch.trained:
                runs = _behind(runs, _Run(END, "green"))
            is_open = stretch.trained
            runs.append(_Run(_said(stretch, speech), _style(stretch)))
            if self._ids and stretch.ids:
                numbers = " ".join(map(str, stretch.ids))
                runs = _behind(runs, _Run(f" {numbers} ", "dim"))
        yield from runs

    def _lines(self, runs: Sequence[_Run]) -> list[str]:
        """Return the runs as lines, folded at the terminal's width."""
        lines: list[str] = []
        line, used = "", 0
        for run in runs:
            for index, text in enumerate(run.text.split("\n")):
                for fold, piece in enumerate(wrapped(text, self._room, used=0 if index else used)):
                    if index or fold:
                        lines.append(line)
                        line, used = "", 0
                    index = 0
                    used += piece.width
                    line += self._styled(piece.text, run.style)
        return [*lines, line] if line else lines

    def _styled(self, text: str, style: str | None) -> str:
        return self._console.styled(text, style) if text and style else text


def _behind(runs: list[_Run], added: _Run) -> list[_Run]:
    """Put a run behind others: in front of the end of their last line, not below it."""
    if runs and runs[-1].text.endswith("\n"):
        text, style = runs[-1]
        return [*runs[:-1], _Run(text[:-1], style), _Run(f"{added.text}\n", added.style)]
    return [*runs, added]


def _said(stretch: Stretch, speech: Speech) -> str:
    said, ends = line_ends(stretch, speech)
    text = visible(said)
    if stretch.kind == "cut":
        beginning = text.replace("\n", " ")[:CUT_SHOWN]
        more = "..." if len(text) > CUT_SHOWN else ""
        before = " " if stretch is not speech.stretches[0] else ""
        return f"{before}✂ {len(stretch.text):,} characters cut: {beginning}{more}"
    if stretch.kind in ("frame", "end"):
        text = text.replace("\n", f"{NEWLINE}\n")
    return text + NEWLINE * ends + ("\n" if ends else "")


def _style(stretch: Stretch) -> str | None:
    if stretch.trained:
        return "green"
    if stretch.kind == "cut":
        return "red"
    return "dim" if stretch.special or stretch.kind in ("frame", "thinking") else None
