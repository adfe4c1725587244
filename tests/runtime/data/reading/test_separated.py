"""Tables of plain text."""

from __future__ import annotations

import io

import pytest

from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.data.reading.separated import comma_separated, tab_separated
from ftc_runtime.errors import StageError


def test_quoted_values_may_hold_anything() -> None:
    """Delimiters, quotes, ends of lines; every value is text, and an empty one too."""
    content = (
        '\ufeffinstruction,output\r\n"a ""b"", c","1\r\n2\n3"\r\n\r\n问,007\r\n,""\r\n'
    ).encode()

    assert list(comma_separated(io.BytesIO(content), "rows.csv")) == [
        RawRow(2, {"instruction": 'a "b", c', "output": "1\r\n2\n3"}),
        RawRow(6, {"instruction": "问", "output": "007"}),
        RawRow(7, {"instruction": "", "output": ""}),
    ]


def test_one_bad_row_spoils_no_other() -> None:
    """Too few or too many values, bytes that are no UTF-8, quotes in the middle, and no end."""
    content = b'a\tb\n1\n1\t2\t3\n\xe9\t2\n"1"x\t2\n' + b"x" * 200_000 + b'\t2\n1\t"2\n3\n'

    assert list(tab_separated(io.BytesIO(content), "rows.tsv")) == [
        RawRow(2, fault="1 values for 2 columns"),
        RawRow(3, fault="3 values for 2 columns"),
        RawRow(4, fault="not UTF-8: byte 0xe9 in a"),
        RawRow(5, fault="not CSV: '\t' expected after '\"'"),
        RawRow(6, {"a": "x" * 200_000, "b": "2"}),
        RawRow(7, fault="not CSV: unexpected end of data"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b,a\n1,2,3\n", "rows.csv has two columns named `a`"),
        (b"caf\xe9\n1\n", "the header of rows.csv is not UTF-8"),
        (b'"a"b\n', "the header of rows.csv is not CSV: ',' expected after '\"'"),
    ],
)
def test_a_header_that_is_none_is_refused(content: bytes, message: str) -> None:
    """No row below it could be understood."""
    with pytest.raises(StageError) as caught:
        list(comma_separated(io.BytesIO(content), "rows.csv"))

    assert caught.value.message == message


def test_a_file_without_rows_has_none() -> None:
    """Neither an empty one nor one with a header alone is a fault here."""
    for content in (b"", b"a,b\n", b"a,b"):
        assert list(comma_separated(io.BytesIO(content), "rows.csv")) == []
