"""Whether an answer is wanted, for `type: kto`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftc_runtime.data.formats.values import RowFault

WORDS = {"true": True, "1": True, "false": False, "0": False}
"""What a file of plain text, such as .csv, writes for true and false."""


def verdict(row: Mapping[str, Any], column: str) -> bool:
    """Return the truth value of a column.

    Raises:
        RowFault: if there is none.
    """
    value = row.get(column)
    if isinstance(value, str):
        value = WORDS.get(value.strip().lower(), value)
    if value is None or value == "":
        raise RowFault(f"no {column}")
    if value is True or value is False:
        return value
    if type(value) is int and value in (0, 1):
        return value == 1
    raise RowFault(f"{column} is neither true nor false")
