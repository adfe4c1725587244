"""Which reader takes a file, and the files of a folder one behind the other."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import BinaryIO, cast

from ftc_runtime import events
from ftc_runtime.data.reading.columnar import arrow, parquet
from ftc_runtime.data.reading.json_file import json_file
from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.data.reading.separated import comma_separated, tab_separated
from ftc_runtime.data.reading.text_lines import text_lines
from ftc_runtime.errors import StageError

ROWS_BETWEEN_EVENTS = 20_000
COMPRESSED = ".gz"
ABOUT_ROWS = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}
"""Files that `datasets` and LLaMA-Factory put beside rows and that hold none."""

Reader = Callable[[BinaryIO, str], Iterator[RawRow]]
"""Gives the rows of an open file. The name is for messages."""

READERS: dict[str, Reader] = {
    "json": json_file,
    "csv": comma_separated,
    "tsv": tab_separated,
    "txt": text_lines,
    "parquet": parquet,
    "arrow": arrow,
}
TYPES = {
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    **{f".{name}": name for name in READERS if name != "json"},
}
"""How a file's name ends -> its type. A list of rows and rows on lines are told by their bytes."""


def file_type(name: str) -> str | None:
    """Return the type of a file of rows by its name, or None if it is none."""
    return TYPES.get(PurePath(name.lower().removesuffix(COMPRESSED)).suffix)


def read_path(path: Path, *, type: str | None = None) -> Iterator[RawRow]:
    """Give the rows of a file, of *type* or of what its name says, or of a folder's files.

    Raises:
        StageError: if it is no file of rows, or is damaged.
    """
    if path.is_dir():
        return read_files(files_of_rows(path), root=path)
    known = type or file_type(path.name)
    if known is None:
        suffix = path.suffix.lower()
        raise StageError(
            f"{path.name} is a {suffix or 'nameless'} file; rows are read from {', '.join(TYPES)}",
            "Save it as .jsonl: one JSON object a line",
        )
    return _read_file(path, path.name, READERS[known])


def files_of_rows(folder: Path) -> list[Path]:
    """Return the files of rows in a folder and below, in the order of their names.

    What is hidden is none of them, nor is what tells of rows.
    """
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(
        (
            folder / path
            for path in paths
            if file_type(path.name)
            and path.name not in ABOUT_ROWS
            and not any(part.startswith(".") for part in path.parts)
        ),
        key=lambda path: path.relative_to(folder).as_posix(),
    )


def read_files(files: Sequence[Path], *, root: Path) -> Iterator[RawRow]:
    """Give the rows of files in *root*, one behind the other, each with the name of its file.

    Raises:
        StageError: if there is no file, or they are of several types.
    """
    types = Counter(file_type(path.name) or path.suffix for path in files)
    if not types:
        raise StageError(
            f"{root.name} has no file of rows in it", f"Rows are read from {', '.join(TYPES)}"
        )
    if len(types) > 1:
        found = ", ".join(f"{count} {name}" for name, count in sorted(types.items()))
        raise StageError(
            f"{root.name} has files of several types in it: {found}",
            "Keep one type in a folder, and make a dataset of each",
        )
    [type] = types
    return _rows_of_files(files, root, READERS[type])


def _rows_of_files(files: Sequence[Path], root: Path, reader: Reader) -> Iterator[RawRow]:
    for path in files:
        name = path.relative_to(root).as_posix()
        for row in _read_file(path, name, reader):
            yield RawRow(row.place, row.value, row.fault, name)


def _read_file(path: Path, name: str, reader: Reader) -> Iterator[RawRow]:
    """Give a file's rows, and tell how much of it is read.

    Raises:
        StageError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            opened: BinaryIO = file
            if name.lower().endswith(COMPRESSED):
                opened = cast(BinaryIO, gzip.GzipFile(fileobj=file))
            for count, row in enumerate(reader(opened, name), start=1):
                if count % ROWS_BETWEEN_EVENTS == 0:
                    events.progress(file.tell(), size, unit="byte")
                yield row
    except (OSError, EOFError, zlib.error) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise StageError(f"{name} cannot be read: {reason}") from error
