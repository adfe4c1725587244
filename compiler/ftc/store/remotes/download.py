"""One blob from a remote into the store: hashed as it comes, and published if it has its name."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ftc.store import atomic
from ftc.store.digests import PREFIX, Entry
from ftc.store.objects import Stored
from ftc.store.remotes.layout import blob_name
from ftc.store.remotes.place import Place
from ftc.store.store import Store

POLL_SECONDS = 0.1
BLOCK_BYTES = 2**20

Told = Callable[[int], None]
"""Gets the bytes of a blob that are here: now and then, 0 while another process fetches it."""


def download(store: Store, place: Place, blob: Entry, *, told: Told) -> bool:
    """Bring a blob into the store; return False if the remote's bytes are not what they should be.

    What an earlier try left is gone on with. Two processes that want the same blob take turns, and
    the second finds it done.

    Raises:
        RemoteFault: when the remote does not answer. What came so far is kept.
    """
    path = part_file(store, blob.digest)
    with _alone(path, waiting=lambda: told(0)) as part:
        if store.holds(Stored(blob.digest, blob.size, "file")):
            path.unlink(missing_ok=True)
            return True
        for _ in range(2):
            begun = os.fstat(part.fileno()).st_size
            if _filled(part, place, blob, told=told):
                store.adopt(path, blob.digest)
                return True
            part.truncate(0)
            if not begun:
                break
        path.unlink()
        return False


def part_file(store: Store, digest: str) -> Path:
    """Return where a blob is until it is whole."""
    return store.root / "tmp" / f"{digest.removeprefix(PREFIX)}.part"


def _filled(part: BinaryIO, place: Place, blob: Entry, *, told: Told) -> bool:
    """Add what is missing; return whether the whole then has the size and the digest."""
    digest = hashlib.sha256()
    part.seek(0)
    while block := part.read(BLOCK_BYTES):
        digest.update(block)
    here = part.tell()

    def sink(block: bytes) -> None:
        nonlocal here
        digest.update(block)
        part.write(block)
        here += len(block)
        told(here)

    if here < blob.size:
        place.download(blob_name(blob.digest), start=here, size=blob.size, sink=sink)
    part.flush()
    return here == blob.size and PREFIX + digest.hexdigest() == blob.digest


@contextmanager
def _alone(path: Path, *, waiting: Callable[[], None]) -> Iterator[BinaryIO]:
    """Give the part file, locked by the kernel, so that a killed holder lets go of it."""
    atomic.make_folder(path.parent)
    while True:
        with path.open("a+b") as part:
            while not _locked(part):
                waiting()
                time.sleep(POLL_SECONDS)
            if _is_at(part, path):
                yield part
                return


def _locked(part: BinaryIO) -> bool:
    try:
        fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(part: BinaryIO, path: Path) -> bool:
    """Is it still the file of that name? Whoever had it before us may have published it."""
    try:
        return os.path.samestat(os.fstat(part.fileno()), path.stat())
    except FileNotFoundError:
        return False
