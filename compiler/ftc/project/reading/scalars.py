"""Plain scalars -> values, by the core schema of YAML 1.2.

Only `true` and `false` are booleans, so that `no` and `on` stay text; `1e-4` is a number; nothing
is a date.
"""

from __future__ import annotations

import math
import re

NULLS = frozenset(("", "~", "null", "Null", "NULL"))
BOOLEANS = {
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
DECIMAL = re.compile(r"[-+]?[0-9]+", re.ASCII)
OCTAL = re.compile(r"0o[0-7]+", re.ASCII)
HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

MOST_DIGITS = 100
NUMBER_STARTS = frozenset("+-.0123456789")


class NotANumberError(Exception):
    """A scalar looks like a number that no setting can have. The text says which."""


def plain_value(text: str) -> bool | int | float | str | None:
    """Return the value of an unquoted scalar.

    Raises:
        NotANumberError: for infinity, NaN, and numbers of more than 100 digits.
    """
    if text in NULLS:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    if text[0] not in NUMBER_STARTS:
        return text
    return _number(text)


def _number(text: str) -> int | float | str:
    if NOT_FINITE.fullmatch(text):
        raise NotANumberError(f"{text} is not a number that a setting can have")
    for form, base in ((DECIMAL, 10), (OCTAL, 8), (HEXADECIMAL, 16)):
        if form.fullmatch(text):
            if len(text) > MOST_DIGITS:
                raise NotANumberError(f"a number of {len(text)} digits is too long")
            return int(text, base)
    if FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise NotANumberError(f"{text[:40]} is more than a floating-point number can hold")
        return number
    return text
