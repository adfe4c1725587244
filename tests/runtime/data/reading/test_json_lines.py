"""A JSON value a line."""

from __future__ import annotations

import io

from ftc_runtime.data.reading.json_lines import json_lines
from ftc_runtime.data.reading.raw import RawRow


def test_each_line_is_a_row_with_its_number() -> None:
    """Ends of lines of Unicode are none; a NUL, a list and a cut line are told by their lines."""
    content = (
        b'\xef\xbb\xbf{"a": "\xe2\x80\xa8\xc2\x85"}\r\n\r\n[1]\n{"a": "\xff"}\n{"a"\n'
        b'{"a": "\x00"}\n' + b"[" * 100_000 + b"\n7"
    )

    assert list(json_lines(io.BytesIO(content), "rows.jsonl")) == [
        RawRow(1, {"a": "\u2028\x85"}),
        RawRow(3, [1]),
        RawRow(4, fault="not UTF-8: byte 0xff at 8"),
        RawRow(5, fault="not JSON: Expecting ':' delimiter at 5:5"),
        RawRow(6, fault="not JSON: Invalid control character at 6:8"),
        RawRow(7, fault="not JSON: nested too deep"),
        RawRow(8, 7),
    ]


def test_a_row_names_its_columns_as_a_report_can_hold_them() -> None:
    """Half of a surrogate pair is no text that can be written."""
    assert RawRow(1, {"a": 1, "\ud83d": 2}).columns == ["a", "\\ud83d"]
    assert RawRow(1, ["a"]).columns == RawRow(1, fault="x").columns == []
    assert RawRow(3).where == 3
    assert RawRow(3, file="b/c.jsonl").where == "b/c.jsonl:3"
