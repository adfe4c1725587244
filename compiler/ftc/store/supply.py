"""Where a result may be had that the store has not: a remote cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ftc.store.objects import Stored
from ftc.store.records import Record


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
