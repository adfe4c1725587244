"""Which reader takes a file, and the files of a folder one behind the other."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from ftc_runtime import events
from ftc_runtime.data.reading.columnar import arrow, parquet
from ftc_runtime.data.reading.json_file import json_file
from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.data.reading.separated import comma_separated, tab_separated
from ftc_runtime.data.reading.text_lines import text_lines
from ftc_runtime.errors import StageError
from ftc_runtime.stages.dataset.spec import COMPRESSED, FILE_TYPES, FileType, file_type

ROWS_BETWEEN_EVENTS = 20_000
ABOUT_ROWS = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}
"""Files that `datasets` and LLaMA-Factory put beside rows and that hold none."""

Reader = Callable[[BinaryIO, str], Iterator[RawRow]]
"""Gives the rows of an open file. The name is for messages."""

READERS: dict[FileType, Reader] = {
    "json": json_file,
    "csv": comma_separated,
    "tsv": tab_separated,
    "txt": text_lines,
    "parquet": parquet,
    "arrow": arrow,
}


def read_path(path: Path, *, type: FileType) -> Iterator[RawRow]:
    """Give the rows of a file of a type, or of a folder's files.

    Raises:
        StageError: if it is damaged, or is a folder without files of one type.
    """
    if path.is_dir():
        return read_files(files_of_rows(path), root=path)
    return _read_file(path, path.name, READERS[type])


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
    types = Counter(known for path in files if (known := file_type(path.name)))
    if not types:
        raise StageError(
            f"{root.name} has no file of rows in it", f"Rows are read from {', '.join(FILE_TYPES)}"
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
