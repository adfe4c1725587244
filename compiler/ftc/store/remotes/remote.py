"""One remote: its blobs and records, each asked for once a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from ftc.store.digests import Entry, Listing, in_parallel
from ftc.store.objects import Stored
from ftc.store.records import Record
from ftc.store.remotes.layout import (
    believed_listing,
    believed_record,
    blob_name,
    keys_of_records,
    record_name,
)
from ftc.store.remotes.place import Address, Place, RemoteFault

RECORDS = "ac"
RECORDS_AT_ONCE = 32


class Remote:
    """Answers of one remote. Opened at the first question, and used by many threads."""

    def __init__(self, address: Address, open_place: Callable[[Address], Place]) -> None:
        """*open_place* says what answers at the address."""
        self.name = address.name
        self.writable = address.writable
        self.url = address.url
        self._address = address
        self._open_place = open_place
        self._place: Place | RemoteFault | None = None
        self._opening = threading.Lock()
        self._sizes: dict[str, int | None] = {}
        self._listings: dict[str, bytes | None] = {}

    @property
    def place(self) -> Place:
        """Return what answers there.

        Raises:
            RemoteFault: if it cannot be opened: then each time.
        """
        with self._opening:
            if self._place is None:
                try:
                    self._place = self._open_place(self._address)
                except RemoteFault as fault:
                    self._place = fault
            if isinstance(self._place, RemoteFault):
                raise self._place
            return self._place

    def record(self, key: str) -> Record | None:
        """Return the key's record; one that cannot be believed is none."""
        data = self.place.read(record_name(key))
        try:
            return believed_record(data, key) if data is not None else None
        except ValueError:
            return None

    def records(self) -> list[Record]:
        """Return every record that is there and can be believed; none where nobody can list."""
        keys = keys_of_records(self.place.names(RECORDS))
        found = in_parallel(self.record, keys, threads=RECORDS_AT_ONCE)
        return [record for record in found if record is not None]

    def has(self, blob: Entry) -> bool:
        """Say whether a blob of this digest and size is there."""
        if blob.digest not in self._sizes:
            self._sizes[blob.digest] = self.place.size(blob_name(blob.digest))
        return self._sizes[blob.digest] == blob.size

    def listing(self, digest: str) -> bytes | None:
        """Return a tree's listing, if it is there and what its name says."""
        if digest not in self._listings:
            data = self.place.read(blob_name(digest))
            try:
                if data is not None:
                    believed_listing(data, digest)
            except ValueError:
                data = None
            self._listings[digest] = data
            self._sizes[digest] = len(data) if data is not None else None
        return self._listings[digest]

    def doubt(self, digest: str) -> None:
        """Say of a blob that it is not there: its bytes are not what its name says."""
        self._sizes[digest] = None
        self._listings[digest] = None

    def upload(self, file: Path, blob: Entry, *, sent: Callable[[int], None]) -> None:
        """Put a blob there, and see that it came whole."""
        name = blob_name(blob.digest)
        self.place.upload(file, name, sent=sent)
        size = self.place.size(name)
        if size != blob.size:
            message = f"remote {self.name}: {size} of {blob.size} bytes of {blob.digest} are there"
            raise RemoteFault(message, "push again")
        self._sizes[blob.digest] = size


def entries_of(stored: Stored, listing: Listing, listing_size: int) -> list[Entry]:
    """Return the blobs of a tree: its files, each once, and last the listing that names them."""
    files: Iterable[Entry] = {entry.digest: entry for entry in listing.values()}.values()
    return [*files, Entry(stored.digest, listing_size)]
