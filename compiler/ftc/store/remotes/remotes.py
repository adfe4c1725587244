"""All remotes of a project as one supply: tried in file order, each question asked once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from ftc.store.digests import Entry, in_parallel
from ftc.store.objects import Stored
from ftc.store.records import Record
from ftc.store.remotes.download import download
from ftc.store.remotes.layout import believed_listing
from ftc.store.remotes.place import RemoteFault
from ftc.store.remotes.remote import Remote, entries_of
from ftc.store.store import Store
from ftc.store.supply import SupplyFault

Answer = TypeVar("Answer")


class Remotes:
    """Implements `ftc.store.supply.Supply`. Used by many threads."""

    def __init__(
        self, store: Store, remotes: Sequence[Remote], *, lost: Callable[[RemoteFault], None]
    ) -> None:
        """*lost* is told once of a remote that does not answer, which is then asked no more.

        It may raise, where nothing is to go on without the remote.
        """
        self._store = store
        self._alive = list(remotes)
        self._lost = lost
        self._lock = threading.Lock()
        self._records: dict[str, Record | None] = {}
        self._blobs: dict[str, list[Entry] | None] = {}

    def record(self, key: str) -> Record | None:
        """See `Supply`: the first that is whole, else the first that is known."""
        if key not in self._records:
            known: Record | None = None
            for remote in list(self._alive):
                found = self._ask(remote, lambda one: one.record(key))
                if found is not None and all(map(self.holds, found.outputs.values())):
                    known = found
                    break
                known = known or found
            self._records[key] = known
        return self._records[key]

    def holds(self, stored: Stored) -> bool:
        """See `Supply`. What is here already need not be there."""
        blobs = self._blobs_of(stored)
        return blobs is not None and all(map(self._is_at_hand, blobs))

    def fetch(self, stored: Stored, told: Callable[[int, int], None]) -> str:
        """See `Supply`. Several blobs come at once, a tree's listing after its files."""
        blobs = self._blobs_of(stored)
        if blobs is None:
            raise SupplyFault(f"no remote has the listing {stored.digest}")
        missing = [blob for blob in blobs if not self._is_here(blob)]
        total = sum(blob.size for blob in missing)
        come: dict[str, int] = {}

        def tell(blob: Entry, here: int) -> None:
            come[blob.digest] = max(here, come.get(blob.digest, 0))
            told(sum(list(come.values())), total)

        def bring(blob: Entry) -> str:
            return self._bring(blob, told=lambda here: tell(blob, here))

        files = [blob for blob in missing if blob.digest != stored.digest]
        listing = [blob for blob in missing if blob.digest == stored.digest]
        origins = [*in_parallel(bring, files), *map(bring, listing)]
        return ", ".join(dict.fromkeys(origins))

    def forget(self, key: str) -> None:
        """See `Supply`."""
        self._records[key] = None

    def _bring(self, blob: Entry, *, told: Callable[[int], None]) -> str:
        """Bring one blob from the first remote that really has it; return that one's name."""
        foreign: list[str] = []
        for remote in list(self._alive):
            if not self._ask(remote, lambda one: one.has(blob)):
                continue
            whole = self._ask(
                remote,
                lambda one: download(self._store, one.place, blob, told=told),
            )
            if whole:
                return remote.name
            if whole is False:
                remote.doubt(blob.digest)
                foreign.append(f"remote {remote.name} has other bytes under {blob.digest}")
        raise SupplyFault("; ".join(foreign) or f"no remote gives {blob.digest} any more")

    def _blobs_of(self, stored: Stored) -> list[Entry] | None:
        """The blobs that an output is made of; None if nobody has a tree's listing."""
        if stored.kind == "file":
            return [Entry(stored.digest, stored.size)]
        if self._blobs.get(stored.digest) is None:
            self._blobs[stored.digest] = self._listed(stored)
        return self._blobs[stored.digest]

    def _listed(self, stored: Stored) -> list[Entry] | None:
        try:
            listing = self._store.listing(stored)
            size = self._store.place(stored.digest).stat().st_size
        except (OSError, ValueError):
            for remote in list(self._alive):
                data = self._ask(remote, lambda one: one.listing(stored.digest))
                if data is not None:
                    listing = believed_listing(data, stored.digest)
                    return entries_of(stored, listing, len(data))
            return None
        return entries_of(stored, listing, size)

    def _is_at_hand(self, blob: Entry) -> bool:
        return self._is_here(blob) or any(
            self._ask(remote, lambda one: one.has(blob)) for remote in list(self._alive)
        )

    def _is_here(self, blob: Entry) -> bool:
        return self._store.holds(Stored(blob.digest, blob.size, "file"))

    def _ask(self, remote: Remote, question: Callable[[Remote], Answer]) -> Answer | None:
        """Return the remote's answer; None from one that does not answer, now or before."""
        try:
            return question(remote)
        except RemoteFault as fault:
            with self._lock:
                first = remote in self._alive
                if first:
                    self._alive.remove(remote)
            if first:
                self._lost(fault)
            return None
