"""One result into a remote: its blobs, and when all of them are there the record that names them.

Killed at any point it leaves blobs that nothing names. The first record of a key stands.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from ftc.store.digests import Entry, digest_of_file, in_parallel
from ftc.store.objects import Stored
from ftc.store.records import Record, encode_record
from ftc.store.remotes.layout import believed_listing, record_name
from ftc.store.remotes.remote import Remote, entries_of
from ftc.store.store import Store


class PushFault(Exception):
    """This result cannot be put there, whatever becomes of the others."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        """*message* says what stands against it."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class Pushed(NamedTuple):
    """What was done for one result."""

    blobs: int
    size: int
    """Bytes that went; 0 where all was there."""
    is_new: bool
    """Was its record not there before?"""


def stands(remote: Remote, record: Record) -> bool:
    """Say whether just this result is there, whole."""
    standing = remote.record(record.key)
    if standing is None or standing.outputs != record.outputs:
        return False
    return _is_whole(remote, standing)


def push(
    store: Store, remote: Remote, record: Record, *, told: Callable[[int, int], None]
) -> Pushed:
    """Put a result and its record into a remote, as far as they are not there.

    *told* gets the bytes that went so far, and in all.

    Raises:
        PushFault: if it is not whole here, or another result of the key is there.
        RemoteFault: when the remote does not answer.
    """
    blobs = _blobs(store, record)
    standing = remote.record(record.key)
    if standing is not None and standing.outputs != record.outputs and _is_whole(remote, standing):
        raise _conflict(remote, record, standing)
    there = in_parallel(remote.has, blobs)
    missing = [blob for blob, is_there in zip(blobs, there, strict=True) if not is_there]
    size = _upload(store, remote, missing, told=told)
    is_new = _publish(remote, record, standing)
    return Pushed(len(missing), size, is_new)


def _blobs(store: Store, record: Record) -> list[Entry]:
    """All blobs of the result, each once, the listings of trees after their files."""
    blobs: dict[str, Entry] = {}
    for name, stored in record.outputs.items():
        if not store.holds(stored):
            raise PushFault(f"the files of its output `{name}` are not here, or damaged")
        if stored.kind == "file":
            blobs[stored.digest] = Entry(stored.digest, stored.size)
        else:
            size = store.place(stored.digest).stat().st_size
            entries = entries_of(stored, store.listing(stored), size)
            blobs |= {entry.digest: entry for entry in entries}
    return list(blobs.values())


def _upload(
    store: Store, remote: Remote, blobs: list[Entry], *, told: Callable[[int, int], None]
) -> int:
    total, sent = sum(blob.size for blob in blobs), 0
    lock = threading.Lock()

    def count(size: int) -> None:
        nonlocal sent
        with lock:
            sent += size
            told(sent, total)

    def send(blob: Entry) -> None:
        file = store.place(blob.digest)
        if digest_of_file(file) != blob.digest:
            message = f"{blob.digest} is damaged in the store"
            raise PushFault(message, "`ftc verify --repair` moves it aside; then build again")
        remote.upload(file, blob, sent=count)

    in_parallel(send, blobs)
    return total


def _publish(remote: Remote, record: Record, standing: Record | None) -> bool:
    """Put the record there, and return whether it is new."""
    name, data = record_name(record.key), encode_record(record)
    if standing is not None and standing.outputs == record.outputs:
        return False
    if standing is None and remote.place.create(name, data):
        return True
    other = remote.record(record.key)
    if other is not None and other.outputs == record.outputs:
        return False
    if other is not None and _is_whole(remote, other):
        raise _conflict(remote, record, other)
    # What stands there cannot be used by anyone: it is torn, or its blobs are gone.
    remote.place.replace(name, data)
    return True


def _is_whole(remote: Remote, record: Record) -> bool:
    return all(_is_there(remote, stored) for stored in record.outputs.values())


def _is_there(remote: Remote, stored: Stored) -> bool:
    if stored.kind == "file":
        return remote.has(Entry(stored.digest, stored.size))
    data = remote.listing(stored.digest)
    if data is None:
        return False
    return all(map(remote.has, believed_listing(data, stored.digest).values()))


def _conflict(remote: Remote, record: Record, standing: Record) -> PushFault:
    differ = [
        name for name, stored in record.outputs.items() if standing.outputs.get(name) != stored
    ]
    message = f"{remote.name} has another result for the same key: {', '.join(differ)} differ"
    return PushFault(message, "the first stands; `ftc build --rebuild` tells whether it repeats")
