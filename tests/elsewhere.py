"""A supply for tests: another store."""

from __future__ import annotations

from collections.abc import Callable

from ftc.store.objects import Stored
from ftc.store.records import Record
from ftc.store.store import Store
from ftc.store.supply import SupplyFault
from toy_project import ToyProject


class Elsewhere:
    """A supply that is another store. What is in *broken* it promises and does not give."""

    def __init__(self, store: Store, here: Store) -> None:
        """*store* has the files; *here* gets them."""
        self.store, self.here = store, here
        self.broken: set[str] = set()
        self.fetched: list[str] = []
        self._forgotten: set[str] = set()

    def record(self, key: str) -> Record | None:
        """See `Supply`."""
        return None if key in self._forgotten else self.store.record(key)

    def holds(self, stored: Stored) -> bool:
        """See `Supply`."""
        return self.store.holds(stored)

    def fetch(self, stored: Stored, told: Callable[[int, int], None]) -> str:
        """See `Supply`."""
        if stored.digest in self.broken:
            raise SupplyFault("elsewhere has other bytes than it says")
        self.fetched.append(stored.digest)
        copy = self.here.root / "tmp" / "copy"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(self.store.path(stored).read_bytes())
        assert self.here.put(copy) == stored
        return "elsewhere"

    def forget(self, key: str) -> None:
        """See `Supply`."""
        self._forgotten.add(key)


def move_away(project: ToyProject) -> Elsewhere:
    """Move all that a project has built elsewhere; return that as a supply."""
    moved = project.root / "elsewhere"
    (project.root / ".ftc").rename(moved)
    return Elsewhere(Store(moved), project.store)
