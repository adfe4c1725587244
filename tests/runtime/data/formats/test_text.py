"""Rows of plain text."""

from __future__ import annotations

import pytest

from ftc_runtime.data.formats.converting import converted
from ftc_runtime.data.formats.values import RowFault
from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.data.rows import Text
from ftc_runtime.stages.dataset.spec import Columns, Reading


def test_a_text_is_kept_byte_for_byte() -> None:
    """In the column `text`, or in that which LLaMA-Factory maps to `prompt`."""
    plain = Reading(format="text", type="text")
    mapped = Reading(format="text", type="text", columns=Columns(prompt="raw_content"))

    assert converted(RawRow(1, {"text": " <think>a</think>\n二 "}), plain) == Text(
        " <think>a</think>\n二 "
    )
    assert converted(RawRow(1, {"raw_content": "b", "text": "c"}), mapped) == Text("b")


@pytest.mark.parametrize(
    ("row", "reason"),
    [({}, "no text"), ({"text": "\n"}, "empty text"), ({"text": ["a"]}, "text is not text")],
)
def test_a_row_without_text_has_a_reason(row: dict[str, object], reason: str) -> None:
    """The same words for like rows."""
    with pytest.raises(RowFault) as caught:
        converted(RawRow(1, row), Reading(format="text", type="text"))

    assert str(caught.value) == reason
