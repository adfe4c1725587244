"""Objects: read-only blobs named by their digest, and folders as listings of blobs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from ftc.store import atomic
from ftc.store.digests import (
    PREFIX,
    Entry,
    Listing,
    decode_listing,
    digest_of_bytes,
    digest_of_file,
    encode_listing,
    in_parallel,
)

READ_ONLY = 0o444


class Stored(NamedTuple):
    """Something in the store. *size* is in bytes; that of a tree is the sum of its files."""

    digest: str
    size: int
    kind: Literal["file", "tree"]


class NotStorable(ValueError):
    """A link, a socket or the like, which has no content of its own."""


class Objects:
    """`objects/<hh>/<hex>`, and `trees/<hh>/<hex>` to show a blob with a suffix or a folder."""

    def __init__(self, root: Path) -> None:
        """*root* is the store's folder. Nothing is made before something is put."""
        self._objects = f"{root}/objects"
        self._views = root / "trees"
        self._scratch = root / "tmp"

    def put(self, path: Path) -> Stored:
        """Move a file or a folder into the store and return what it is there.

        It must lie on the store's filesystem, and nothing may be writing to it any more.

        Raises:
            NotStorable: for a link, a socket or the like.
        """
        if not path.is_dir() or path.is_symlink():
            entry = self._put_file(path)
            return Stored(entry.digest, entry.size, "file")
        files = sorted(_files_below(path))
        entries = in_parallel(self._put_file, files)
        names = [file.relative_to(path).as_posix() for file in files]
        listing = dict(zip(names, entries, strict=True))
        data = encode_listing(listing)
        digest = digest_of_bytes(data)
        place = self.place(digest)
        if not _has_size(place, len(data)):
            atomic.write(place, data, scratch=self._scratch, mode=READ_ONLY)
        return Stored(digest, sum(entry.size for entry in listing.values()), "tree")

    def adopt(self, path: Path, digest: str) -> None:
        """Move in a file of the store's own whose bytes are known to have this digest."""
        self._publish(path, self.place(digest))

    def holds(self, stored: Stored) -> bool:
        """Say whether all of it is here, by size. The bytes are not read again."""
        if stored.kind == "file":
            return _has_size(self._name(stored.digest), stored.size)
        try:
            listing = self.listing(stored)
        except (OSError, ValueError):
            return False
        return all(_has_size(self._name(file.digest), file.size) for file in listing.values())

    def path(self, stored: Stored, suffix: str = "") -> Path:
        """Return where it can be read, under a name that ends in *suffix*.

        Raises:
            OSError, ValueError: when the listing of a tree is lost or damaged.
        """
        blob = self.place(stored.digest)
        if stored.kind == "file" and not suffix:
            return blob
        view = self._views / blob.parent.name / (blob.name + suffix)
        if stored.kind == "file":
            self._link(view, blob)
        else:
            self._show(view, self.listing(stored))
        return view

    def listing(self, stored: Stored) -> dict[str, Entry]:
        """Return the files of a tree.

        Raises:
            OSError, ValueError: when the listing is lost or damaged.
        """
        data = self.place(stored.digest).read_bytes()
        if digest_of_bytes(data) != stored.digest:
            raise ValueError(f"the listing {stored.digest} is damaged")
        return decode_listing(data)

    def place(self, digest: str) -> Path:
        """Return where the blob is, or would be."""
        return Path(self._name(digest))

    def _name(self, digest: str) -> str:
        # Text, since `ftc status` asks for thousands, and each step of a Path costs microseconds.
        name = digest.removeprefix(PREFIX)
        return f"{self._objects}/{name[:2]}/{name}"

    def _put_file(self, path: Path) -> Entry:
        info = path.lstat()
        if not stat.S_ISREG(info.st_mode):
            raise NotStorable(f"{path.name} is not a regular file")
        entry = Entry(digest_of_file(path), info.st_size, bool(info.st_mode & stat.S_IXUSR))
        place = self.place(entry.digest)
        if _has_size(place, entry.size):
            path.unlink()
            return entry
        if info.st_nlink > 1:
            # Whoever holds the other name could write into the store: take the bytes, not the file.
            path = atomic.copy(path, scratch=self._scratch)
        self._publish(path, place)
        return entry

    def _publish(self, path: Path, place: Path) -> None:
        path.chmod(READ_ONLY)
        atomic.sync(path)
        atomic.make_folder(place.parent)
        path.replace(place)
        atomic.sync(place.parent)

    def _link(self, view: Path, blob: Path) -> None:
        goal = _relative(blob, view.parent)
        if view.is_symlink() and view.readlink() == goal:
            return
        temporary = atomic.temporary_in(self._scratch)
        temporary.symlink_to(goal)
        view.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(view)

    def _show(self, view: Path, listing: Listing) -> None:
        """Make a folder whose files are links to blobs, at once or not at all."""
        if all((view / name).exists() for name in listing) and view.is_dir():
            return
        fresh = atomic.temporary_in(self._scratch)
        fresh.mkdir()
        for name, entry in listing.items():
            file = fresh / name
            file.parent.mkdir(parents=True, exist_ok=True)
            blob = self.place(entry.digest)
            if entry.executable:
                copy = atomic.copy(blob, scratch=self._scratch)
                copy.chmod(0o555)
                copy.replace(file)
            else:
                # Seen from where it will be, not from where it is made.
                file.symlink_to(_relative(blob, (view / name).parent))
        self._swap(fresh, view)

    def _swap(self, fresh: Path, view: Path) -> None:
        view.parent.mkdir(parents=True, exist_ok=True)
        if view.exists():
            damaged = atomic.temporary_in(self._scratch)
            view.rename(damaged)
            atomic.remove_tree(damaged)
        try:
            fresh.rename(view)
        except OSError:
            # Another build showed the same tree first.
            if not view.is_dir():
                raise
            atomic.remove_tree(fresh)


def _files_below(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files_below(folder / entry.name)
            else:
                yield folder / entry.name


def _has_size(path: Path | str, size: int) -> bool:
    try:
        info = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(info.st_mode) and info.st_size == size


def _relative(goal: Path, start: Path) -> Path:
    return Path(os.path.relpath(goal, start))
