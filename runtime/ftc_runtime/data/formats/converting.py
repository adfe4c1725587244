"""A raw row turned into a row of ours, by its format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ftc_runtime.data.formats import alpaca, openai, sharegpt, text
from ftc_runtime.data.formats.values import ReadColumns, RowFault
from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.data.rows import Row
from ftc_runtime.stages.dataset.spec import Format, Reading


class Converter(NamedTuple):
    """How the rows of one format are read."""

    columns: Callable[[Reading], ReadColumns]
    convert: Callable[[Mapping[str, Any], Reading], Row]


CONVERTERS: dict[Format, Converter] = {
    "alpaca": Converter(alpaca.columns, alpaca.convert),
    "sharegpt": Converter(sharegpt.columns, sharegpt.convert),
    "openai": Converter(openai.columns, openai.convert),
    "text": Converter(text.columns, text.convert),
}


def converted(raw: RawRow, reading: Reading) -> Row:
    """Return what a row means.

    Raises:
        RowFault: if it means nothing, or could not be read.
    """
    if raw.fault is not None:
        raise RowFault(raw.fault)
    if not isinstance(raw.value, dict):
        raise RowFault("not an object")
    return CONVERTERS[reading.format].convert(raw.value, reading)


def columns_read(reading: Reading) -> ReadColumns:
    """Return the columns of a row that are read."""
    return CONVERTERS[reading.format].columns(reading)
