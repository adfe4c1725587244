"""Where the rows of a `dataset` stage come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ftc_runtime.contract import Source
from ftc_runtime.data.reading.files import read_path
from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.stages.dataset.spec import Params


def rows_of(source: Source, params: Params, *, work: Path) -> Iterator[RawRow]:
    """Give the rows of a file, or of a folder of them. What is afar is brought to *work* first.

    Raises:
        StageError: if there is nothing to read, or it cannot be read as rows.
    """
    path = source.path
    if path is None:
        from ftc_runtime.sources.rows import bring

        path = bring(source, work=work)
    return read_path(path, type=params.file_type)
