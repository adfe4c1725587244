"""The digests of files outside the store: a file that has not changed is not read again."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ftc.store.digests import (
    Entry,
    digest_of_bytes,
    digest_of_file,
    encode_listing,
    in_parallel,
)
from ftc.store.inodes import CHANGED, RACY_NANOSECONDS, Identity
from ftc.store.store import Store

SETTLED_SECONDS = 0.01
LARGE_BYTES = 1 << 26


class _File(NamedTuple):
    name: str
    path: Path
    identity: Identity
    executable: bool


class Look(NamedTuple):
    """A file or a folder as it is now, by its inodes, and the digests that are remembered."""

    files: Sequence[_File]
    known: Mapping[Identity, str]
    is_folder: bool

    def unread(self) -> list[_File]:
        """Return the files whose bytes have to be read, one of each inode."""
        return list(
            {file.identity: file for file in self.files if file.identity not in self.known}.values()
        )

    def size(self) -> int:
        """Return the bytes of all its files."""
        return sum(file.identity.size for file in self.files)

    def unread_bytes(self) -> int:
        """Return how much there is to read before the digest is known."""
        return sum(file.identity.size for file in self.unread())


class StatCache:
    """Digests of files and folders."""

    def __init__(self, store: Store) -> None:
        """What was read is remembered in *store*."""
        self._inodes = store.inodes

    def digest(self, path: Path) -> str:
        """Return the digest of a file, or of a folder's listing. See `look`.

        Raises:
            OSError: when something cannot be read: nothing there, a dangling link, a loop.
        """
        return self.digest_of(self.look(path))

    def look(self, path: Path) -> Look:
        """Return what is known of a file or a folder, without reading a byte of it.

        A folder is what a stage would read in it: links are followed, to files and to folders,
        and names that begin with a dot and `__pycache__` are left out (`.git`, the `.cache` of a
        hub's client).

        Raises:
            OSError: when something cannot be looked at: nothing there, a dangling link, a loop.
        """
        info = path.stat()
        is_folder = stat.S_ISDIR(info.st_mode)
        files = (
            list(_files_below(path, prefix="", above=()))
            if is_folder
            else [_File("", path, Identity.of(info), False)]
        )
        return Look(files, self._recall([file.identity for file in files]), is_folder)

    def digest_of(self, look: Look) -> str:
        """Return the digest of what was looked at. The bytes of an unchanged file are read once.

        Raises:
            OSError: when something cannot be read.
        """
        listing = self.listing_of(look)
        return digest_of_bytes(encode_listing(listing)) if look.is_folder else listing[""].digest

    def listing_of(self, look: Look) -> dict[str, Entry]:
        """Return the files of what was looked at; one that is no folder has the name "".

        Raises:
            OSError: when something cannot be read.
        """
        known = {**look.known, **self._hashed(look.unread())}
        return {
            file.name: Entry(known[file.identity], file.identity.size, file.executable)
            for file in look.files
        }

    def read(self, looks: Iterable[Look], *, told: Callable[[int, int], None]) -> None:
        """Read all that is not known, however much it is, so that it is remembered.

        *told* gets the bytes read so far and in all, from several threads.

        Raises:
            OSError: when something cannot be read.
        """
        files = list({file.identity: file for look in looks for file in look.unread()}.values())
        total, read = sum(file.identity.size for file in files), 0
        if not total:
            return
        _let_settle(files)
        counting = threading.Lock()

        def count(size: int) -> None:
            nonlocal read
            with counting:
                read += size
                told(read, total)

        told(0, total)
        self._hashed(files, count)

    def _hashed(
        self, files: Sequence[_File], told: Callable[[int], None] | None = None
    ) -> dict[Identity, str]:
        """Read files, and remember those that can be: a large one as soon as it is read."""
        now = time.time_ns()

        def read(file: _File) -> str:
            digest = digest_of_file(file.path, told)
            if file.identity.size >= LARGE_BYTES:
                self._inodes.remember({file.identity: digest}, read_at=now)
            return digest

        found = dict(zip((file.identity for file in files), in_parallel(read, files), strict=True))
        self._inodes.remember(found, read_at=now)
        return found

    def _recall(self, identities: Sequence[Identity]) -> dict[Identity, str]:
        remembered = zip(identities, self._inodes.recall(identities), strict=True)
        return {one: digest for one, digest in remembered if digest not in (None, CHANGED)}


def _let_settle(files: Sequence[_File]) -> None:
    """Wait for those that were written this very moment. Else they would be read twice."""
    youngest = max(file.identity.changed for file in files)
    nanoseconds = youngest + RACY_NANOSECONDS - time.time_ns()
    if 0 < nanoseconds <= RACY_NANOSECONDS:
        time.sleep(nanoseconds / 1e9 + SETTLED_SECONDS)


def _files_below(
    folder: Path, *, prefix: str, above: tuple[tuple[int, int], ...]
) -> Iterator[_File]:
    info = folder.stat()
    here = (info.st_dev, info.st_ino)
    if here in above:
        raise OSError(errno.ELOOP, "a link leads back to a folder above it", str(folder))
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith(".") or entry.name == "__pycache__":
                continue
            path, name = folder / entry.name, prefix + entry.name
            if entry.is_dir():
                yield from _files_below(path, prefix=name + "/", above=(*above, here))
                continue
            info = entry.stat()
            if stat.S_ISREG(info.st_mode):
                executable = bool(info.st_mode & stat.S_IXUSR)
                yield _File(name, path, Identity.of(info), executable)
