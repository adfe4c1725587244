"""Rows of plain text, to go on training with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftc_runtime.data.formats.values import ReadColumns, needed_text
from ftc_runtime.data.rows import Row, Text
from ftc_runtime.stages.dataset.spec import Reading

TEXT = "text"


def columns(reading: Reading) -> ReadColumns:
    """Return the column that a row must have."""
    return ReadColumns((reading.columns.prompt or TEXT,))


def convert(row: Mapping[str, Any], reading: Reading) -> Row:
    """Return the text of a row.

    Raises:
        RowFault: if it has none.
    """
    return Text(needed_text(row, reading.columns.prompt or TEXT))
