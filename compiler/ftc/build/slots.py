"""How many stages run at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

POLL_SECONDS = 0.1


class Slots:
    """A place for each stage that may run. One that only waits, for a key or a GPU, takes none."""

    def __init__(self, count: int) -> None:
        """All are free."""
        self._free = count
        self._urgent = 0
        """How many wait with a GPU in hand."""
        self._changed = threading.Condition()

    @contextmanager
    def one(self, *, urgent: bool, give_up: Callable[[], bool]) -> Iterator[bool]:
        """Hold a place while the block runs; False if *give_up* said so before one was free.

        An *urgent* one goes before the others: a card that is lent and idle is dear.
        """
        got = self._take(urgent=urgent, give_up=give_up)
        try:
            yield got
        finally:
            if got:
                with self._changed:
                    self._free += 1
                    self._changed.notify_all()

    def _take(self, *, urgent: bool, give_up: Callable[[], bool]) -> bool:
        with self._changed:
            self._urgent += urgent
            try:
                while not self._free or (self._urgent and not urgent):
                    if give_up():
                        return False
                    self._changed.wait(POLL_SECONDS)
                if give_up():
                    return False
                self._free -= 1
                return True
            finally:
                self._urgent -= urgent
                self._changed.notify_all()
