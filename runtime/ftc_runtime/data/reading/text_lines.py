"""Files of plain text: a row a line, in the column `text`."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from ftc_runtime.data.reading.json_lines import not_utf8
from ftc_runtime.data.reading.raw import RawRow

COLUMN = "text"


def text_lines(file: BinaryIO, name: str) -> Iterator[RawRow]:
    """Give the lines, without what ends them. Lines of white space are no rows."""
    for number, raw in enumerate(file, start=1):
        line = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
        if not line.strip():
            continue
        try:
            yield RawRow(
                number, {COLUMN: line.decode("utf-8").removesuffix("\n").removesuffix("\r")}
            )
        except UnicodeDecodeError as error:
            yield RawRow(number, fault=not_utf8(line[error.start], f"at {error.start + 1}"))
