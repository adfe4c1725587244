"""Tables of plain text: .csv and .tsv, with a header. Every value is text."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from ftc_runtime.data.reading.json_lines import not_utf8
from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.errors import StageError

if TYPE_CHECKING:
    from _csv import Reader


def comma_separated(file: BinaryIO, name: str) -> Iterator[RawRow]:
    """Give the rows below the header, each with the line that it begins in."""
    return _rows(file, name, delimiter=",")


def tab_separated(file: BinaryIO, name: str) -> Iterator[RawRow]:
    """Give the rows below the header, each with the line that it begins in."""
    return _rows(file, name, delimiter="\t")


def _rows(file: BinaryIO, name: str, *, delimiter: str) -> Iterator[RawRow]:
    """Quoted values may hold delimiters and ends of lines. Empty lines are no rows.

    Raises:
        StageError: if the header is none.
    """
    csv.field_size_limit(sys.maxsize)
    # A byte that UTF-8 has not comes as half of a surrogate pair, which no other byte does.
    lines = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header = _header(reader, name)
    values: list[str] | None = header
    while values is not None:
        line = reader.line_num + 1
        try:
            values = next(reader, None)
        except csv.Error as error:
            yield RawRow(line, fault=f"not CSV: {error}")
        else:
            if values:
                yield _row(line, header, values)
    lines.detach()


def _header(reader: Reader, name: str) -> list[str]:
    hint = "Its first line names the columns"
    try:
        header = next(reader, [])
        "".join(header).encode()
    except csv.Error as error:
        raise StageError(f"the header of {name} is not CSV: {error}", hint) from error
    except UnicodeEncodeError as error:
        raise StageError(f"the header of {name} is not UTF-8", "Save it as UTF-8") from error
    twice = [column for column, times in Counter(header).items() if times > 1]
    if twice:
        raise StageError(f"{name} has two columns named `{twice[0]}`", hint)
    return header


def _row(line: int, header: list[str], values: list[str]) -> RawRow:
    if len(values) != len(header):
        return RawRow(line, fault=f"{len(values)} values for {len(header)} columns")
    for column, value in zip(header, values, strict=True):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            byte = ord(value[error.start]) & 0xFF
            return RawRow(line, fault=not_utf8(byte, f"in {column}"))
    return RawRow(line, dict(zip(header, values, strict=True)))
