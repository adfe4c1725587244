"""A list, or a row a line: told by the bytes."""

from __future__ import annotations

import io
from typing import Any

import pytest

from ftc_runtime.data.reading.json_file import json_file
from ftc_runtime.errors import StageError


def rows(content: bytes) -> list[tuple[int, Any]]:
    """Return the rows with their places."""
    return [(row.place, row.value) for row in json_file(io.BytesIO(content), "rows.json")]


def test_the_bytes_tell_a_list_from_lines() -> None:
    """So that the same bytes give the same rows, whatever the file is called."""
    assert rows(b'\xef\xbb\xbf\n [\n{"a": 1},\n{"a": 2}]') == [(1, {"a": 1}), (2, {"a": 2})]
    assert rows(b'\xef\xbb\xbf{"a": 1}\n\n{"a": 2}') == [(1, {"a": 1}), (3, {"a": 2})]
    assert rows(b'["Q", "A"]\n{"a": 2}\n') == [(1, ["Q", "A"]), (2, {"a": 2})]
    assert rows(b"") == rows(b" \n") == rows(b"[]") == []


def test_one_object_over_several_lines_is_refused() -> None:
    """As lines, each would be a fault."""
    with pytest.raises(StageError) as caught:
        rows(b'{\n  "data": [\n    {"a": 1}\n  ]\n}')

    assert (caught.value.message, caught.value.hint) == (
        "rows.json holds one object, not a list of rows",
        'Write a list: [{"instruction": ..., "output": ...}, ...]',
    )
