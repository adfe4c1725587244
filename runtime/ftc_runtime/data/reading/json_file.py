"""Files of JSON: a list of rows, or a row a line. Their bytes tell which, whatever their name."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from ftc_runtime.data.reading.json_lines import json_lines
from ftc_runtime.data.reading.json_list import json_list
from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.errors import StageError

LOOKED_AT = 4096


def json_file(file: BinaryIO, name: str) -> Iterator[RawRow]:
    """Give the rows of a list, or of lines.

    Raises:
        StageError: if it is one object over several lines.
    """
    head = file.read(LOOKED_AT).removeprefix(codecs.BOM_UTF8).lstrip()
    file.seek(0)
    if head.startswith(b"[") and head[1:].lstrip()[:1] in (b"{", b"]", b""):
        return json_list(file, name)
    lines = [line.strip() for line in head.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith(b"{") and lines[1].startswith((b'"', b"}")):
        raise StageError(
            f"{name} holds one object, not a list of rows",
            'Write a list: [{"instruction": ..., "output": ...}, ...]',
        )
    return json_lines(file, name)
