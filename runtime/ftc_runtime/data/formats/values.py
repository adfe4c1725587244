"""What stands in the columns of a row: text and JSON, checked."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ftc_runtime.contract import Json

DEEPEST = 100
"""How deep JSON may nest. Nothing that a template writes comes near it."""


class ReadColumns(NamedTuple):
    """The columns of a row that a format reads."""

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()


class RowFault(Exception):
    """A row that cannot be used. Its text is a reason: few words, the same for like rows."""


def text_in(row: Mapping[str, Any], column: str) -> str:
    """Return the text of a column, empty if there is none.

    Raises:
        RowFault: if something else stands there.
    """
    value = row.get(column)
    return "" if value is None else text(value, named=column)


def needed_text(row: Mapping[str, Any], column: str) -> str:
    """Return the text of a column that must say something.

    Raises:
        RowFault: if it does not.
    """
    found = text_in(row, column)
    if not found.strip():
        raise RowFault(f"empty {column}" if column in row else f"no {column}")
    return found


def text(value: Any, *, named: str) -> str:
    """Return a value that is text which UTF-8 can hold.

    Raises:
        RowFault: if it is none.
    """
    if not isinstance(value, str):
        raise RowFault(f"{named} is not text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise RowFault("half of a surrogate pair") from error
    return value


def parsed(value: Any, *, named: str) -> Any:
    """Return a value, read as JSON if it is text.

    Raises:
        RowFault: if it is text and no JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except RecursionError as error:
        raise RowFault(f"{named} nests too deep") from error
    except ValueError as error:
        raise RowFault(f"{named} is not JSON") from error


def json_value(value: Any, *, named: str) -> Json:
    """Return a value that a line of canonical JSON can hold.

    Raises:
        RowFault: if it cannot: NaN, a date, half of a surrogate pair, or far too deep.
    """
    for part, depth in _parts(value):
        if depth > DEEPEST:
            raise RowFault(f"{named} nests too deep")
        match part:
            case str():
                text(part, named=named)
            case float() if not math.isfinite(part):
                raise RowFault(f"{named} has a number that JSON has not")
            case None | bool() | int() | float() | list() | dict():
                pass
            case _:
                raise RowFault(f"{named} is not JSON")
    return value  # type: ignore[no-any-return]


def _parts(value: Any) -> Iterator[tuple[Any, int]]:
    """Give a value and all that is in it, keys too, each with how deep it stands."""
    waiting = [(value, 0)]
    while waiting:
        part, depth = waiting.pop()
        yield part, depth
        match part:
            case dict():
                inner = [*part.keys(), *part.values()]
            case list():
                inner = part
            case _:
                continue
        waiting += [(item, depth + 1) for item in inner]
