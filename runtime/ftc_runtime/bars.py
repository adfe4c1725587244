"""Bars of `fail_if`: how many rows, or which share of them, may have a fault. Light."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, TypeAlias

from pydantic import Field

Share: TypeAlias = Annotated[str, Field(pattern=r"^(100|[0-9]{1,2}(\.[0-9]{1,6})?)%$")]
Bar: TypeAlias = Annotated[int, Field(ge=0, strict=True)] | Share
"""A number of rows, or a share of the rows that were read, as `1%`. More than that is a failure."""


def exceeds(count: int, bar: Bar | None, *, of: int) -> bool:
    """Tell whether *count* of so many rows are more than a bar allows."""
    if bar is None:
        return False
    if isinstance(bar, int):
        return count > bar
    return count > Fraction(bar.removesuffix("%")) / 100 * of


def breach(name: str, count: int, bar: Bar | None, *, of: int, where: str) -> str | None:
    """Return the words for a bar that is exceeded, or None. *where*: the first places."""
    if not exceeds(count, bar, of=of):
        return None
    share = f" ({100 * count / of:.3g}%)" if of else ""
    return f"{name}: {count} of {of} rows{share}, allowed {bar}: {where}"
