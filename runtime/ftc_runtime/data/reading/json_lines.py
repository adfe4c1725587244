"""Files with a JSON value a line: .jsonl, .ndjson, and a .json that is written so."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import BinaryIO

from ftc_runtime.data.reading.raw import RawRow

LONGEST_INTEGER = 4000
"""Digits. Python reads no longer ones as whole numbers (`sys.get_int_max_str_digits`)."""


def integer(digits: str) -> int | float:
    """Return a whole number, or infinity for one that no row means."""
    return int(digits) if len(digits) <= LONGEST_INTEGER else float(digits)


NOT_NESTED = "not JSON: nested too deep"
DECODER = json.JSONDecoder(parse_int=integer)


def json_lines(file: BinaryIO, name: str) -> Iterator[RawRow]:
    """Give the rows, each with its line. Lines of white space are none."""
    for number, raw in enumerate(file, start=1):
        line = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
        if line.strip():
            yield _row(number, line)


def _row(number: int, line: bytes) -> RawRow:
    try:
        return RawRow(number, DECODER.decode(line.decode("utf-8").rstrip("\r\n")))
    except UnicodeDecodeError as error:
        return RawRow(number, fault=not_utf8(line[error.start], f"at {error.start + 1}"))
    except json.JSONDecodeError as error:
        return RawRow(number, fault=not_json(error, f"{number}:{error.colno}"))
    except RecursionError:
        return RawRow(number, fault=NOT_NESTED)


def not_json(error: json.JSONDecodeError, place: str) -> str:
    """Return the fault that is at *place*."""
    return f"not JSON: {error.msg.removesuffix(' at')} at {place}"


def not_utf8(byte: int, where: str) -> str:
    """Return the fault of a byte that UTF-8 has not at its place."""
    return f"not UTF-8: byte {byte:#04x} {where}"
