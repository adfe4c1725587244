"""Tables of Arrow: .parquet, and .arrow as a file or as the stream that `datasets` writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.errors import StageError

if TYPE_CHECKING:
    from pyarrow import RecordBatch

ROWS_AT_ONCE = 1000
ARROW_FILE = b"ARROW1"
"""How a file begins; a stream begins otherwise."""


def parquet(file: BinaryIO, name: str) -> Iterator[RawRow]:
    """Give the rows, each with its number from 1."""
    return _rows(file, name, kind="parquet")


def arrow(file: BinaryIO, name: str) -> Iterator[RawRow]:
    """Give the rows, each with its number from 1."""
    return _rows(file, name, kind="arrow")


def _rows(file: BinaryIO, name: str, *, kind: str) -> Iterator[RawRow]:
    """Give the rows of either.

    Raises:
        StageError: if pyarrow is not installed, or the file is not of its kind or damaged.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise StageError(f"{name} is read with pyarrow", 'pip install "ftc[data]"') from error
    number = 0
    try:
        for batch in _parquet_batches(file) if kind == "parquet" else _arrow_batches(file):
            yield from _batch_rows(batch, number)
            number += batch.num_rows
    except (pyarrow.ArrowException, OSError) as error:
        [reason, *_] = str(error).splitlines() or [type(error).__name__]
        raise StageError(f"{name} cannot be read as {kind}: {reason}") from error


def _parquet_batches(file: BinaryIO) -> Iterator[RecordBatch]:
    from pyarrow.parquet import ParquetFile

    with ParquetFile(file) as table:
        yield from table.iter_batches(batch_size=ROWS_AT_ONCE)


def _arrow_batches(file: BinaryIO) -> Iterator[RecordBatch]:
    from pyarrow import ipc

    is_file = file.read(len(ARROW_FILE)) == ARROW_FILE
    file.seek(0)
    if is_file:
        with ipc.open_file(file) as reader:
            for index in range(reader.num_record_batches):
                yield reader.get_batch(index)
    else:
        with ipc.open_stream(file) as reader:
            yield from reader


def _batch_rows(batch: RecordBatch, before: int) -> Iterator[RawRow]:
    """Give a batch's rows; if one of them cannot be read, row by row to find which."""
    try:
        values = batch.to_pylist()
    except (ValueError, OverflowError):
        if batch.num_rows > 1:
            for index in range(batch.num_rows):
                yield from _batch_rows(batch.slice(index, 1), before + index)
        else:
            yield RawRow(before + 1, fault=_unreadable(batch))
        return
    for number, value in enumerate(values, start=before + 1):
        yield RawRow(number, value)


def _unreadable(batch: RecordBatch) -> str:
    for column in batch.schema.names:
        try:
            batch.column(column).to_pylist()
        except UnicodeDecodeError:
            return f"not UTF-8: in {column}"
        except (ValueError, OverflowError):
            return f"a value of {column} that cannot be read"
    return "a row that cannot be read"
