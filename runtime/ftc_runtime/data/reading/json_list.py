"""A .json file that is a list of rows, read row by row: memory holds one of them and a little more.

A row that is no JSON hides no other where rows begin on lines of their own. No line ends inside of
a text of JSON, so a line that begins as a row does, indented as rows are, is the next one.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from ftc_runtime.data.reading.json_lines import DECODER, NOT_NESTED, not_json, not_utf8
from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.errors import StageError

CHUNK = 1 << 20
SPACE = re.compile(r"[ \t\n\r]*")
CUT = 16
"""An error that near to the end of what is read may only mean that the rest is missing."""


class _Window:
    """A stretch of the file, as text, that moves over it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        # A byte that UTF-8 has not comes as half of a surrogate pair, which no other byte does.
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._line, self._column = 1, 1
        self._behind = 0
        self.indent: str | None = None
        """What is in front of the first value that begins on a line of its own."""
        self.text = ""
        self.at = 0
        self.ended = False

    def read_more(self) -> None:
        """Drop what is behind and read on: twice as much if a row has not fitted."""
        self._line, self._column = self._place(self.at)
        self._behind += self.at
        self.text = self.text[self.at :]
        self.at = 0
        raw = self._file.read(max(CHUNK, len(self.text)))
        self.ended = not raw
        self.text += self._decoder.decode(raw, final=self.ended)

    @property
    def gone(self) -> int:
        """Return the characters of the file that are behind."""
        return self._behind + self.at

    def place(self, position: int) -> str:
        """Return a position as line:column, both from 1."""
        line, column = self._place(position)
        return f"{line}:{column}"

    def _place(self, position: int) -> tuple[int, int]:
        line_ends = self.text.count("\n", 0, position)
        if not line_ends:
            return self._line, self._column + position
        return self._line + line_ends, position - self.text.rfind("\n", 0, position)

    def next_character(self) -> str:
        """Go to what is no white space and return it; it is empty at the end of the file."""
        while True:
            space = SPACE.match(self.text, self.at)
            end = space.end() if space else self.at
            if end < len(self.text) or self.ended:
                line_end = self.text.rfind("\n", self.at, end)
                if line_end >= 0 and self.indent is None:
                    self.indent = self.text[line_end + 1 : end]
                self.at = end
                return self.text[end : end + 1]
            self.read_more()


def json_list(file: BinaryIO, name: str) -> Iterator[RawRow]:
    """Give the rows of a list, each with its number from 1.

    Raises:
        StageError: if a row is no JSON, and where the next begins cannot be told.
    """
    window = _Window(file)
    window.next_character()
    window.at += 1  # the bracket, by which a list is known
    window.indent = None
    number = 0
    while (character := window.next_character()) not in ("", "]"):
        number += 1
        start = window.gone
        row = _row(window, number)
        yield row
        if window.gone == start:
            _go_to_next_row(window, f"{name}: row {number} is {row.fault}")
    if not character:
        yield RawRow(number + 1, fault="not JSON: the list has no end")
        return
    window.at += 1
    if window.next_character():
        place = window.place(window.at)
        yield RawRow(number + 1, fault=f"not JSON: Extra data at {place}")


def _row(window: _Window, number: int) -> RawRow:
    """Return the row that begins here and go behind it; of one that is no JSON stay in front."""
    while True:
        try:
            value, end = DECODER.raw_decode(window.text, window.at)
        except json.JSONDecodeError as error:
            if window.ended or not _may_be_cut(error):
                return RawRow(number, fault=not_json(error, window.place(error.pos)))
        except RecursionError:
            return RawRow(number, fault=NOT_NESTED)
        else:
            if end < len(window.text) or window.ended:
                break
        window.read_more()
    row = RawRow(number, value)
    try:
        window.text[window.at : end].encode()
    except UnicodeEncodeError as error:
        position = window.at + error.start
        byte = ord(window.text[position]) & 0xFF
        row = RawRow(number, fault=not_utf8(byte, f"at {window.place(position)}"))
    window.at = end
    if window.next_character() == ",":
        window.at += 1
    return row


def _may_be_cut(error: json.JSONDecodeError) -> bool:
    return error.msg.startswith("Unterminated string") or error.pos >= len(error.doc) - CUT


def _go_to_next_row(window: _Window, fault: str) -> None:
    """Go to the next line that begins as a row does, or to the end of the list.

    Raises:
        StageError: if rows have no lines of their own.
    """
    if window.indent is None:
        raise StageError(
            fault, "Correct it there, or begin each row on a line of its own: then it is left out"
        )
    beginning = f"\n{window.indent}{{"
    window.at += 1
    while (found := window.text.find(beginning, window.at)) < 0 and not window.ended:
        window.at = max(window.at, len(window.text) - len(beginning))
        window.read_more()
    if found >= 0:
        window.at = found + len(beginning) - 1
        return
    rest = window.text.rstrip()
    window.at = len(rest) - rest.endswith("]")
