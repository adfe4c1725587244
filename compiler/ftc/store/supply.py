"""Where a result may be had that the store has not: a remote cache."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

from ftc.store.objects import Stored
from ftc.store.records import Record
from ftc.store.store import Store


class SupplyFault(Exception):
    """What was promised cannot be had: it is gone, cut off, or has other bytes than its name."""

    def __init__(self, message: str) -> None:
        """*message* says what and where, for the user."""
        super().__init__(message)
        self.message = message


class Supply(Protocol):
    """Answers for keys and objects. A build asks it only for what the store has not."""

    def record(self, key: str) -> Record | None:
        """Return what the key gave, if it is known there."""

    def holds(self, stored: Stored) -> bool:
        """Say whether all of it is there and of the right size. Nothing is fetched but listings."""

    def fetch(self, stored: Stored, told: Callable[[int, int], None]) -> str:
        """Bring it into the store, every byte held against its digest; return from where it came.

        *told* gets the bytes that came so far, and in all.

        Raises:
            SupplyFault: if it cannot be had whole.
        """

    def forget(self, key: str) -> None:
        """Promise this key no more: what it promised it did not keep."""


class Restored(NamedTuple):
    """A result that a supply gave. *size* is in bytes: what was not here before."""

    record: Record
    origin: str
    size: int


def restore(
    store: Store, supply: Supply, record: Record, *, told: Callable[[str, int, int], None]
) -> Restored:
    """Bring a result into the store, files first and then its record. The caller has its lock.

    *told* gets the output's name, the bytes of it that came so far, and in all.

    Raises:
        SupplyFault: if it cannot be had whole. What came of it is kept.
    """
    origins: list[str] = []
    size = 0
    for name, stored in record.outputs.items():
        if not store.holds(stored):
            origins.append(supply.fetch(stored, partial(told, name)))
            size += stored.size
    return Restored(store.publish(record), ", ".join(dict.fromkeys(origins)), size)


def said(size: int) -> str:
    """Return a size in bytes as it is said: `269 MB`, `3.1 MB`, `12 kB`."""
    if size < 10**6:
        return f"{size / 10**3:.0f} kB"
    return f"{size / 10**6:.1f} MB" if size < 10**7 else f"{size // 10**6:,} MB"


def said_of(done: int, total: int) -> str:
    """Return how much of a size there is: `120 of 269 MB`."""
    unit = said(total)[-2:]
    return f"{done // (10**3 if unit == 'kB' else 10**6):,} of {said(total)}"
