"""Where the rows of a `dataset` stage come from."""

from __future__ import annotations

from collections.abc import Iterator

from ftc_runtime.contract import Source
from ftc_runtime.data.reading.files import read_path
from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.errors import StageError
from ftc_runtime.stages.dataset.spec import Params


def rows_of(source: Source, params: Params) -> Iterator[RawRow]:
    """Give the rows of a file, or of a folder of them.

    Raises:
        StageError: if there is nothing to read, or it cannot be read as rows.
    """
    if source.path is None:
        raise StageError(f"{source.uri} is no file to read", "Write source: data/rows.json")
    return read_path(source.path, file_type=params.file_type)
