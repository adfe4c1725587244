"""Lists of rows, read row by row."""

from __future__ import annotations

import io
import json
import tracemalloc
from typing import Any

import pytest

from ftc_runtime.data.reading import json_list as reader
from ftc_runtime.data.reading.json_list import json_list
from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.errors import StageError

TABLE = [{"text": "é\n\u2028", "n": 12}, {"list": [[], {}], "t": True}, 7, "x", None, {}]


def read(content: str | bytes) -> list[RawRow]:
    """Return the rows of a list with this content."""
    raw = content if isinstance(content, bytes) else content.encode()
    return list(json_list(io.BytesIO(raw), "rows.json"))


def values(content: str | bytes) -> list[Any]:
    """Return each row's value, or its fault."""
    return [row.value if row.fault is None else row.fault for row in read(content)]


@pytest.mark.parametrize("indent", [None, 0, 2, "\t"])
@pytest.mark.parametrize("chunk", [1, 2, 7, 1 << 20])
def test_any_way_to_write_a_list_is_read(
    indent: int | str | None, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the file falls into chunks: within a character, a number, an escape."""
    monkeypatch.setattr(reader, "CHUNK", chunk)

    for ascii in (True, False):
        text = json.dumps(TABLE, indent=indent, ensure_ascii=ascii)
        assert values(text) == TABLE
        assert values(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n") == TABLE
    assert read("[]") == read(" [ ] ") == []


@pytest.mark.parametrize("chunk", [1, 5, 1 << 20])
def test_one_broken_row_hides_no_other(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rows begin on lines of their own; each has the line and the column of its fault."""
    monkeypatch.setattr(reader, "CHUNK", chunk)
    content = b"""[
  {"a": 1},
  {"a": 2, },
  {"a": "caf\xe9"},
  {"a": "no end},
  {
    "a": [
      {"b": 1}
      {"b": 2}
    ]
  },
  {"a": 7}
  {"a": 8},
  {"a": nope}
]"""

    assert values(content) == [
        {"a": 1},
        "not JSON: Expecting property name enclosed in double quotes at 3:12",
        "not UTF-8: byte 0xe9 at 4:13",
        "not JSON: Invalid control character at 5:18",
        "not JSON: Expecting ',' delimiter at 9:7",
        {"a": 7},
        {"a": 8},
        "not JSON: Expecting value at 14:9",
    ]


def test_a_list_that_is_cut_off_keeps_what_is_whole() -> None:
    """What is missing is told as a row of its own."""
    assert values('[{"a": 1}, {"a": 2}') == [{"a": 1}, {"a": 2}, "not JSON: the list has no end"]
    assert values('[{"a": 1}] {"a": 2}') == [{"a": 1}, "not JSON: Extra data at 1:12"]
    assert values('[\n{"a": 1},\n{"a": "x') == [
        {"a": 1},
        "not JSON: Unterminated string starting at 3:7",
        "not JSON: the list has no end",
    ]


def test_a_broken_row_between_others_on_a_line_ends_the_reading() -> None:
    """Where the next begins cannot be told, and a guess could read rows out of a text."""
    with pytest.raises(StageError) as caught:
        read('[{"a": 1}, {"a" 2}, {"a": 3}' + " " * 50 + "]")

    assert (caught.value.message, caught.value.hint) == (
        "rows.json: row 2 is not JSON: Expecting ':' delimiter at 1:17",
        "Correct it there, or begin each row on a line of its own: then it is left out",
    )


def test_what_json_can_say_and_python_cannot_is_a_fault_or_a_value() -> None:
    """Nested a million deep, or a number of a hundred thousand digits."""
    deep = "[" * 100_000 + "]" * 100_000
    content = f'[\n{{"a": {deep}}},\n{{"a": {"9" * 100_000}}},\n{{"a": NaN}}\n]'

    fault, huge, nan = values(content)

    assert fault == "not JSON: nested too deep"
    assert huge == {"a": float("inf")}
    assert nan["a"] != nan["a"]


def test_memory_stays_flat() -> None:
    """A file of 16 MB takes a few."""
    row = json.dumps({"instruction": "Q" * 1000, "output": "A" * 1000})

    class Endless(io.BytesIO):
        """A list of 8,000 rows that is written while it is read."""

        left = 8_000

        def read(self, size: int | None = -1) -> bytes:
            count = min(self.left, (size or 0) // len(row))
            self.left -= count
            text = (row + ",\n") * count
            start = "[" if self.left + count == 8_000 else ""
            return (start + text if self.left else text[:-2] + "]" * bool(count)).encode()

    tracemalloc.start()
    count = sum(row.fault is None for row in json_list(Endless(), "rows.json"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert count == 8_000
    assert peak < 8_000_000
