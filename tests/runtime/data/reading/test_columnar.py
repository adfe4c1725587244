"""Tables of Arrow."""

from __future__ import annotations

import io
import sys
from datetime import date

import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from ftc_runtime.data.reading import columnar
from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.errors import StageError

ROWS = [{"turns": [{"from": "human", "value": f"问{i}"}], "n": i} for i in range(2500)]


def as_parquet(table: pa.Table) -> io.BytesIO:
    """Return a table as a file."""
    file = io.BytesIO()
    parquet.write_table(table, file, row_group_size=700)
    file.seek(0)
    return file


def as_arrow(table: pa.Table, *, stream: bool) -> io.BytesIO:
    """Return a table as a file or as a stream."""
    file = io.BytesIO()
    with (ipc.new_stream if stream else ipc.new_file)(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=700)
    file.seek(0)
    return file


def test_all_three_give_the_same_rows() -> None:
    """Numbered from 1, whatever the batches are."""
    table = pa.Table.from_pylist(ROWS)
    expected = [RawRow(number, row) for number, row in enumerate(ROWS, start=1)]

    assert list(columnar.parquet(as_parquet(table), "a.parquet")) == expected
    assert list(columnar.arrow(as_arrow(table, stream=True), "a.arrow")) == expected
    assert list(columnar.arrow(as_arrow(table, stream=False), "a.arrow")) == expected


def test_a_value_that_cannot_be_read_spoils_one_row() -> None:
    """Text that is no UTF-8 in the middle of a batch; a date is a value like others."""
    good = pa.array([b"a", b"\xff", b"c"], pa.binary())
    text = pa.StringArray.from_buffers(3, good.buffers()[1], good.buffers()[2])
    table = pa.table({"text": text, "day": [date(2024, 1, 1)] * 3})

    assert list(columnar.arrow(as_arrow(table, stream=True), "a.arrow")) == [
        RawRow(1, {"text": "a", "day": date(2024, 1, 1)}),
        RawRow(2, fault="not UTF-8: in text"),
        RawRow(3, {"text": "c", "day": date(2024, 1, 1)}),
    ]


def test_a_damaged_file_is_told() -> None:
    """By what the library says of it."""
    table = pa.Table.from_pylist(ROWS)
    cut = as_parquet(table).getvalue()[:-40]

    with pytest.raises(StageError, match=r"a.parquet cannot be read as parquet: ") as caught:
        list(columnar.parquet(io.BytesIO(cut), "a.parquet"))
    assert "\n" not in caught.value.message
    with pytest.raises(StageError, match=r"a.arrow cannot be read as arrow: "):
        list(columnar.arrow(io.BytesIO(b"not a table at all"), "a.arrow"))


def test_without_pyarrow_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no part of the core."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(StageError) as caught:
        list(columnar.parquet(io.BytesIO(), "a.parquet"))

    assert (caught.value.message, caught.value.hint) == (
        "a.parquet is read with pyarrow",
        'pip install "ftc[data]"',
    )
