"""The digests of files outside the store: a file that has not changed is not read again."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ftc.store.digests import (
    Entry,
    digest_of_bytes,
    digest_of_file,
    encode_listing,
    in_parallel,
)
from ftc.store.inodes import CHANGED, Identity
from ftc.store.store import Store


class _File(NamedTuple):
    name: str
    path: Path
    identity: Identity
    executable: bool


class StatCache:
    """Digests of files and folders."""

    def __init__(self, store: Store) -> None:
        """What was read is remembered in *store*."""
        self._inodes = store.inodes

    def digest(self, path: Path) -> str:
        """Return the digest of a file, or of a folder's listing.

        A folder is what a stage would read in it: links are followed, to files and to folders,
        and names that begin with a dot and `__pycache__` are left out (`.git`, the `.cache` of a
        hub's client). The bytes of an unchanged file are read once.

        Raises:
            OSError: when something cannot be read: nothing there, a dangling link, a loop.
        """
        info = path.stat()
        if not stat.S_ISDIR(info.st_mode):
            return self._digests([_File("", path, Identity.of(info), False)])[0]
        files = list(_files_below(path, prefix="", above=()))
        digests = self._digests(files)
        return digest_of_bytes(
            encode_listing(
                {
                    file.name: Entry(digest, file.identity.size, file.executable)
                    for file, digest in zip(files, digests, strict=True)
                }
            )
        )

    def _digests(self, files: Sequence[_File]) -> list[str]:
        now = time.time_ns()
        remembered = self._inodes.recall([file.identity for file in files])
        unread = [
            file
            for file, digest in zip(files, remembered, strict=True)
            if digest in (None, CHANGED)
        ]
        hashed = in_parallel(lambda file: digest_of_file(file.path), unread)
        found = {file.identity: digest for file, digest in zip(unread, hashed, strict=True)}
        self._inodes.remember(found, read_at=now)
        return [
            found.get(file.identity) or str(digest)
            for file, digest in zip(files, remembered, strict=True)
        ]


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
