"""What files held when they were last read, remembered as long as their inodes do not change."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

RACY_NANOSECONDS = 2_000_000_000
CHANGED = "changed"
"""Stands for the digest of a file that was read and has changed since."""
FEW = 20_000
"""So many rows are read at once in less time than a thousand queries take."""
BATCH = 400
"""Inodes asked for in one query, below the smallest limit that sqlite was built with."""

TABLE = """
CREATE TABLE IF NOT EXISTS files (
    device INTEGER, inode INTEGER, size INTEGER, modified INTEGER, changed INTEGER, digest TEXT,
    PRIMARY KEY (device, inode)
) WITHOUT ROWID
"""


class Identity(NamedTuple):
    """What changes when a file's bytes do. `changed`, its ctime, sees through `cp -p`."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, info: os.stat_result) -> Identity:
        """Return the identity that a stat shows."""
        return cls(info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)

    def is_settled(self, now: int) -> bool:
        """Say whether a later write must show: clocks of filesystems are coarse.

        Only the ctime says so: it is never set by hand, and an mtime may lie in the future.
        """
        return self.changed < now - RACY_NANOSECONDS


class Inodes:
    """`stat.sqlite`. Losing it loses nothing but time."""

    def __init__(self, file: Path) -> None:
        """The database is opened when it is first used."""
        self._file = file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._known: dict[tuple[int, ...], tuple[int | str, ...]] = {}
        """Device and inode -> the rest of the row, of those that were looked up."""
        self._is_loaded = self._is_whole = False

    def recall(self, identities: Sequence[Identity]) -> list[str | None]:
        """Return for each its digest, `CHANGED`, or None for one that was never read."""
        with self._lock:
            if not self._is_whole:
                with self._forgiving():
                    self._look_up(identities)
            return [self._recalled(one) for one in identities]

    def remember(self, found: Mapping[Identity, str], *, read_at: int | None) -> None:
        """Note digests. *read_at* is when the reading began, in nanoseconds since 1970.

        A file that was written shortly before is left out: it might be written again and show the
        same times. None stands for files that nobody writes to any more.
        """
        rows = [
            (*one, digest)
            for one, digest in found.items()
            if read_at is None or one.is_settled(read_at)
        ]
        if not rows:
            return
        with self._lock, self._forgiving():
            self._known.update((row[:2], row[2:]) for row in rows)
            connection = self._open()
            with connection:
                connection.executemany("REPLACE INTO files VALUES (?,?,?,?,?,?)", rows)

    def _recalled(self, one: Identity) -> str | None:
        row = self._known.get(one[:2])
        if row is None:
            return None
        return str(row[-1]) if row[:-1] == one[2:] else CHANGED

    def _look_up(self, identities: Sequence[Identity]) -> None:
        """Know the rows of these files: at first all rows, if they are few."""
        if not self._is_loaded:
            rows = self._open().execute(f"SELECT * FROM files LIMIT {FEW}").fetchall()
            self._known = {row[:2]: row[2:] for row in rows}
            self._is_loaded, self._is_whole = True, len(rows) < FEW
            if self._is_whole:
                return
        for device in {one.device for one in identities}:
            inodes = [one.inode for one in identities if one.device == device]
            for start in range(0, len(inodes), BATCH):
                batch = inodes[start : start + BATCH]
                marks = ",".join("?" * len(batch))
                query = f"SELECT * FROM files WHERE device = ? AND inode IN ({marks})"
                found = self._open().execute(query, (device, *batch))
                self._known.update((row[:2], row[2:]) for row in found)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._file, timeout=5, check_same_thread=False)
            connection.execute(TABLE)
            self._connection = connection
        return self._connection

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        """Go on without the database where it cannot be used: that is slower, not wrong."""
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
