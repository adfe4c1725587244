"""Whether objects hold what their names say, without reading again what has not changed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ftc.store.digests import digest_of_file, in_parallel
from ftc.store.inodes import CHANGED, Identity, Inodes

READ_ONLY = 0o444


class Blob(NamedTuple):
    """One object: where it lies, and what must be there. *size* is in bytes."""

    place: str
    digest: str
    size: int
    mode: int = READ_ONLY


class _Here(NamedTuple):
    blob: Blob
    info: os.stat_result


def is_blob(info: os.stat_result, size: int) -> bool:
    """Say whether this can be the object, by its type and size."""
    return stat.S_ISREG(info.st_mode) and info.st_size == size


class Proof:
    """Remembers which objects were held against their names, and as of when."""

    def __init__(self, inodes: Inodes) -> None:
        """*inodes* keeps what was read."""
        self._inodes = inodes

    def wrong(self, blobs: Sequence[Blob], *, thorough: bool) -> list[Blob]:
        """Return those that are missing or damaged.

        A file that changed since it was last read is read again, by whatever means it changed. One
        that was never read here, in a store that was copied, is believed unless *thorough*: that is
        for those who go on to use its bytes.
        """
        here = [
            _Here(blob, info)
            for blob in blobs
            if (info := _look(blob)) is not None and is_blob(info, blob.size)
        ]
        remembered = self._inodes.recall([Identity.of(one.info) for one in here])
        right: set[Blob] = set()
        doubtful: list[_Here] = []
        for one, digest in zip(here, remembered, strict=True):
            if digest == one.blob.digest or (digest is None and not thorough):
                right.add(one.blob)
            elif digest in (None, CHANGED):
                doubtful.append(one)
        right.update(self._read(doubtful))
        return [blob for blob in blobs if blob not in right]

    def note(self, place: Path, digest: str) -> None:
        """Remember an object that has just been read and brought to its place."""
        self._inodes.remember({Identity.of(place.lstat()): digest}, read_at=None)

    def _read(self, doubtful: Sequence[_Here]) -> list[Blob]:
        """Return those that are right after all; what was found is remembered."""
        now = time.time_ns()
        found = in_parallel(_digest, [one.blob for one in doubtful])
        right: list[_Here] = []
        wrong: dict[Identity, str] = {}
        for one, digest in zip(doubtful, found, strict=True):
            if digest == one.blob.digest:
                right.append(one)
            elif digest is not None:
                wrong[Identity.of(one.info)] = digest
        # Whoever puts that right changes its inode.
        self._inodes.remember(wrong, read_at=None)
        self._inodes.remember({_mended(one): one.blob.digest for one in right}, read_at=now)
        return [one.blob for one in right]


def _look(blob: Blob) -> os.stat_result | None:
    try:
        return os.lstat(blob.place)
    except OSError:
        return None


def _digest(blob: Blob) -> str | None:
    place = Path(blob.place)
    try:
        return digest_of_file(place)
    except PermissionError:
        # Someone took our own right to read it away.
        with suppress(OSError):
            place.chmod(blob.mode)
            return digest_of_file(place)
    except OSError:
        pass
    return None


def _mended(one: _Here) -> Identity:
    """Make it read-only again if it is not, and return what it is then."""
    if stat.S_IMODE(one.info.st_mode) == one.blob.mode:
        return Identity.of(one.info)
    place = Path(one.blob.place)
    with suppress(OSError):
        place.chmod(one.blob.mode)
    return Identity.of(place.lstat())
