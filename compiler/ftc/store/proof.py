"""Whether objects hold what their names say, without reading again what has not changed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ftc.store.digests import Entry, digest_of_file, in_parallel
from ftc.store.inodes import CHANGED, Identity, Inodes

READ_ONLY = 0o444
EXECUTABLE = 0o555
LARGE_BYTES = 1 << 26


def mode_of(entry: Entry) -> int:
    """Return the mode of a file that the store made."""
    return EXECUTABLE if entry.executable else READ_ONLY


def is_blob(info: os.stat_result, size: int) -> bool:
    """Say whether this can be the object, by its type and size."""
    return stat.S_ISREG(info.st_mode) and info.st_size == size


class Proof:
    """Remembers which objects were held against their names, and as of when."""

    def __init__(self, inodes: Inodes) -> None:
        """*inodes* keeps what was read."""
        self._inodes = inodes

    def wrong(self, files: Mapping[str, Entry], *, thorough: bool) -> list[str]:
        """Return the places, of *files*, that hold something else than they must, or nothing.

        A file that changed since it was last read is read again, by whatever means it changed. A
        large one is believed unless *thorough*, and so is one that was never read here, in a store
        that was copied: that is for those who go on to use the bytes.
        """
        here = {
            place: Identity.of(info)
            for place, entry in files.items()
            if (info := _look(place)) is not None and is_blob(info, entry.size)
        }
        remembered = self._inodes.recall(list(here.values()))
        right: set[str] = set()
        doubtful: dict[str, Identity] = {}
        for (place, identity), digest in zip(here.items(), remembered, strict=True):
            may_read = thorough or (digest == CHANGED and files[place].size <= LARGE_BYTES)
            if digest in (None, CHANGED) and may_read:
                doubtful[place] = identity
            elif digest in (None, CHANGED, files[place].digest):
                right.add(place)
        if doubtful:
            right.update(self._read(doubtful, files))
        return [place for place in files if place not in right]

    def note(self, place: Path, digest: str) -> None:
        """Remember an object that has just been read and brought to its place."""
        self._inodes.remember({Identity.of(place.lstat()): digest}, read_at=None)

    def _read(self, doubtful: Mapping[str, Identity], files: Mapping[str, Entry]) -> list[str]:
        """Return the places that are right after all; what was found is remembered."""
        now = time.time_ns()
        places = list(doubtful)
        found = in_parallel(lambda place: _digest(Path(place), files[place]), places)
        right: list[str] = []
        wrong: dict[Identity, str] = {}
        for place, digest in zip(places, found, strict=True):
            if digest == files[place].digest:
                right.append(place)
            elif digest is not None:
                wrong[doubtful[place]] = digest
        # Whoever puts that right changes its inode.
        self._inodes.remember(wrong, read_at=None)
        mended = {_mended(Path(place), files[place]): files[place].digest for place in right}
        self._inodes.remember(mended, read_at=now)
        return right


def _look(place: str) -> os.stat_result | None:
    try:
        return os.lstat(place)
    except OSError:
        return None


def _digest(place: Path, entry: Entry) -> str | None:
    try:
        return digest_of_file(place)
    except PermissionError:
        # Someone took our own right to read it away.
        with suppress(OSError):
            place.chmod(mode_of(entry))
            return digest_of_file(place)
    except OSError:
        pass
    return None


def _mended(place: Path, entry: Entry) -> Identity:
    """Make it read-only again if it is not, and return what it is then."""
    if stat.S_IMODE(place.lstat().st_mode) != mode_of(entry):
        with suppress(OSError):
            place.chmod(mode_of(entry))
    return Identity.of(place.lstat())
