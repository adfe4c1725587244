"""JSON with the places of its keys and values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftc.diagnostics import Place, ProjectError
from ftc.project.reading.json_text import parse_json

PATH = Path("rows.json")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def test_every_key_and_value_has_its_place() -> None:
    """Lines and columns count from 1, whatever the form."""
    text = '{\n  "a": {"b": [1, "two"]},\n\t"c" : -1.5e3\n}\n'

    tree = parse_json(PATH, text)

    assert tree.value == {"a": {"b": [1, "two"]}, "c": -1500.0}
    assert tree.key_place(("a", "b")) == Place(PATH, 2, 9, 3)
    assert tree.value_place(("a", "b", 1)) == Place(PATH, 2, 18, 5)
    assert tree.key_place(("c",)) == Place(PATH, 3, 2, 3)
    assert tree.value_place(("c",)) == Place(PATH, 3, 8, 6)


@settings(max_examples=60, deadline=None)
@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_it_reads_what_json_reads(value: object, indent: int | None, ascii: bool) -> None:
    """Any value, in any form, with any text in it."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)

    assert parse_json(PATH, text).value == value


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"a": 1,}', "error[syntax]: rows.json is not JSON: "),
        ("", "error[syntax]: rows.json is not JSON: Expecting value\n --> rows.json:1:1"),
        ('{"a": NaN}', "error[syntax]: rows.json is not JSON that is read: it has NaN"),
        ('{"a": 1,\n "a": 2}', "error[duplicate-key]: `a` is given twice: the first is in line 1\n"
         " --> rows.json:2:2"),
        ("[" * 80 + "]" * 80, "error[too-deep]: values are nested more than 64 deep here"),
        ("[" * 90_000, "error[syntax]: rows.json is not JSON"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused_with_its_place(content: str, said: str) -> None:
    """Also what Python's own reader would let through."""
    with pytest.raises(ProjectError) as raised:
        parse_json(PATH, content)

    assert str(raised.value).startswith(said)
