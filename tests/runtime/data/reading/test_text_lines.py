"""Plain text, a row a line."""

from __future__ import annotations

import io

from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.data.reading.text_lines import text_lines


def test_each_line_is_a_text() -> None:
    """Byte for byte but for its end; empty lines are none, and other separators are text."""
    content = "\ufeff one \r\n\n \t\n二\u2028三\x0b\x00\nlast".encode() + b"\n\xc3\n"

    assert list(text_lines(io.BytesIO(content), "wiki.txt")) == [
        RawRow(1, {"text": " one "}),
        RawRow(4, {"text": "二\u2028三\x0b\x00"}),
        RawRow(5, {"text": "last"}),
        RawRow(6, fault="not UTF-8: byte 0xc3 at 1"),
    ]
