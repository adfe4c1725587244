"""The digests of files outside the store, remembered as long as their inodes do not change."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ftc.store.digests import (
    Entry,
    digest_of_bytes,
    digest_of_file,
    encode_listing,
    in_parallel,
)
from ftc.store.store import Store

RACY_NANOSECONDS = 2_000_000_000
SETTLED_SECONDS = 0.01
LARGE_BYTES = 1 << 26
BATCH = 400
"""Inodes asked for in one query, below the smallest limit that sqlite was built with."""

TABLE = """
CREATE TABLE IF NOT EXISTS files (
    device INTEGER, inode INTEGER, size INTEGER, modified INTEGER, changed INTEGER, digest TEXT,
    PRIMARY KEY (device, inode)
) WITHOUT ROWID
"""


class _Identity(NamedTuple):
    """What changes when a file's bytes do. `changed`, its ctime, sees through `cp -p`."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, info: os.stat_result) -> _Identity:
        return cls(info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)

    def is_settled(self, now: int) -> bool:
        """Say whether a later write must show: clocks of filesystems are coarse.

        Only the ctime says so: it is never set by hand, and an mtime may lie in the future.
        """
        return self.changed < now - RACY_NANOSECONDS


class _File(NamedTuple):
    name: str
    path: Path
    identity: _Identity
    executable: bool


class Look(NamedTuple):
    """A file or a folder as it is now, by its inodes, and the digests that are remembered."""

    files: Sequence[_File]
    known: Mapping[_Identity, str]
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
    """Digests of files and folders. Losing `stat.sqlite` loses nothing but time."""

    def __init__(self, store: Store) -> None:
        """The cache is opened when it is first used."""
        self._file = store.root / "stat.sqlite"
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

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
            else [_File("", path, _Identity.of(info), False)]
        )
        return Look(files, self._recall([file.identity for file in files]), is_folder)

    def digest_of(self, look: Look) -> str:
        """Return the digest of what was looked at. The bytes of an unchanged file are read once.

        Raises:
            OSError: when something cannot be read.
        """
        known = {**look.known, **self._hashed(look.unread())}
        if not look.is_folder:
            return known[look.files[0].identity]
        listing = {
            file.name: Entry(known[file.identity], file.identity.size, file.executable)
            for file in look.files
        }
        return digest_of_bytes(encode_listing(listing))

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
    ) -> dict[_Identity, str]:
        """Read files, and remember those that can be: a large one as soon as it is read."""
        now = time.time_ns()

        def read(file: _File) -> str:
            digest = digest_of_file(file.path, told)
            if file.identity.size >= LARGE_BYTES and file.identity.is_settled(now):
                self._remember({file.identity: digest})
            return digest

        found = dict(zip((file.identity for file in files), in_parallel(read, files), strict=True))
        self._remember({one: digest for one, digest in found.items() if one.is_settled(now)})
        return found

    def _recall(self, identities: Sequence[_Identity]) -> dict[_Identity, str]:
        known: dict[_Identity, str] = {}
        with self._lock, self._forgiving():
            for device in {one.device for one in identities}:
                inodes = [one.inode for one in identities if one.device == device]
                for start in range(0, len(inodes), BATCH):
                    known.update(self._select(device, inodes[start : start + BATCH]))
        return known

    def _select(self, device: int, inodes: list[int]) -> Iterator[tuple[_Identity, str]]:
        marks = ",".join("?" * len(inodes))
        query = f"SELECT * FROM files WHERE device = ? AND inode IN ({marks})"
        for *identity, digest in self._open().execute(query, (device, *inodes)):
            yield _Identity(*identity), digest

    def _remember(self, found: Mapping[_Identity, str]) -> None:
        if not found:
            return
        rows = [
            (one.device, one.inode, one.size, one.modified, one.changed, digest)
            for one, digest in found.items()
        ]
        with self._lock, self._forgiving():
            connection = self._open()
            with connection:
                connection.executemany("REPLACE INTO files VALUES (?,?,?,?,?,?)", rows)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._file, timeout=5, check_same_thread=False)
            connection.execute(TABLE)
            self._connection = connection
        return self._connection

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        """Go on without the cache where it cannot be used: that is slower, not wrong."""
        try:
            yield
        except (sqlite3.OperationalError, OSError):
            # Locked for long, read-only, a full disk.
            self._close()
        except sqlite3.DatabaseError:
            # No database any more. Its journal would spoil the next one.
            self._close()
            with suppress(OSError):
                self._file.unlink(missing_ok=True)
                self._file.with_name(self._file.name + "-journal").unlink(missing_ok=True)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


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
                yield _File(name, path, _Identity.of(info), executable)
