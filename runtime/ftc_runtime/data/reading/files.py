"""Files of rows, read so that one bad row does not spoil the rest and every fault has its place."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path

from ftc_runtime import events
from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.errors import StageError

LINES_BETWEEN_EVENTS = 20_000


def read_path(path: Path, *, file_type: str | None = None) -> Iterator[RawRow]:
    """Give the rows of a .json list, read whole, or of a .jsonl, read line by line.

    Raises:
        StageError: if the file is of another kind, or is a .json that cannot be read.
    """
    match path.suffix.lower():
        case ".jsonl" | ".ndjson":
            return _lines(path)
        case ".json":
            return _list(path)
        case other:
            raise StageError(
                f"{path.name} is a {other or 'nameless'} file; rows are read from .json and .jsonl",
                "Save it as .jsonl: one JSON object a line",
            )


def _lines(path: Path) -> Iterator[RawRow]:
    size = path.stat().st_size
    done = 0
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            done += len(raw)
            if number % LINES_BETWEEN_EVENTS == 0:
                events.progress(done, size, unit="byte")
            line = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
            if line.strip():
                yield _row(number, line)


def _row(number: int, line: bytes) -> RawRow:
    try:
        return RawRow(number, json.loads(line.decode("utf-8")))
    except UnicodeDecodeError as error:
        return RawRow(
            number, fault=f"not UTF-8: byte {line[error.start]:#04x} at {error.start + 1}"
        )
    except json.JSONDecodeError as error:
        return RawRow(number, fault=f"not JSON: {error.msg} at {number}:{error.colno}")
    except RecursionError:
        return RawRow(number, fault="not JSON: nested too deep")


def _list(path: Path) -> Iterator[RawRow]:
    raw = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    try:
        rows = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise StageError(
            f"{path.name} is not UTF-8: byte {raw[error.start]:#04x} in line {line}",
            "Save it as UTF-8",
        ) from error
    except json.JSONDecodeError as error:
        hint = "Correct it there"
        if error.msg == "Extra data":
            hint = f"If it has one object a line, name it {path.stem}.jsonl"
        raise StageError(
            f"{path.name}:{error.lineno}:{error.colno} is not JSON: {error.msg}", hint
        ) from error
    except RecursionError as error:
        raise StageError(f"{path.name} is nested too deep to be rows") from error
    if not isinstance(rows, list):
        raise StageError(
            f"{path.name} holds {_kind(rows)}, not a list of rows",
            'Write a list: [{"instruction": ..., "output": ...}, ...]',
        )
    return (RawRow(number, row) for number, row in enumerate(rows, start=1))


def _kind(value: object) -> str:
    words = {dict: "one object", str: "one text", int: "a number", float: "a number"}
    return words.get(type(value), "one value")
