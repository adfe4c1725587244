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
from ftc.store.inodes import Inodes
from ftc.store.proof import READ_ONLY, Proof, mode_of


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
        self.inodes = Inodes(root / "stat.sqlite")
        self._proof = Proof(self.inodes)

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
        if not self._has(digest, len(data)):
            atomic.write(place, data, scratch=self._scratch, mode=READ_ONLY)
            self._proof.note(place, digest)
        return Stored(digest, sum(entry.size for entry in listing.values()), "tree")

    def adopt(self, path: Path, digest: str) -> None:
        """Move in a file of the store's own whose bytes are known to have this digest."""
        self._publish(path, digest)

    def holds(self, stored: Stored) -> bool:
        """Say whether all of it is here. Only what has changed is read again."""
        return not self.missing(stored)

    def proves(self, stored: Stored) -> bool:
        """Say whether all of it is here, after reading what was never read. See `Proof.wrong`."""
        return not self.missing(stored, thorough=True)

    def missing(self, stored: Stored, *, thorough: bool = False) -> list[str]:
        """Return the digests of what is not here, or damaged."""
        entries = [Entry(stored.digest, stored.size)]
        if stored.kind == "tree":
            try:
                entries = list(self.listing(stored).values())
            except (OSError, ValueError):
                return [stored.digest]
        blobs = {self._name(entry.digest): Entry(entry.digest, entry.size) for entry in entries}
        return [blobs[place].digest for place in self._proof.wrong(blobs, thorough=thorough)]

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

    def shows(self, view: Path) -> bool:
        """Say whether a link or a folder in `trees/` leads to what its name says, all of it."""
        name = view.name.partition(".")[0]
        blob = self.place(PREFIX + name)
        if view.is_symlink():
            return view.readlink() == _relative(blob, view.parent) and blob.exists()
        try:
            listing = self.listing(Stored(PREFIX + name, 0, "tree"))
        except (OSError, ValueError):
            return False
        return self._is_shown(view, listing) and all(
            self.place(file.digest).exists() for file in listing.values()
        )

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

    def _has(self, digest: str, size: int) -> bool:
        return not self._proof.wrong({self._name(digest): Entry(digest, size)}, thorough=True)

    def _put_file(self, path: Path) -> Entry:
        info = path.lstat()
        if not stat.S_ISREG(info.st_mode):
            raise NotStorable(f"{path.name} is not a regular file")
        entry = Entry(digest_of_file(path), info.st_size, bool(info.st_mode & stat.S_IXUSR))
        if self._has(entry.digest, entry.size):
            path.unlink()
            return entry
        if info.st_nlink > 1:
            # Whoever holds the other name could write into the store: take the bytes, not the file.
            path = atomic.copy(path, scratch=self._scratch)
        self._publish(path, entry.digest)
        return entry

    def _publish(self, path: Path, digest: str) -> None:
        place = self.place(digest)
        path.chmod(READ_ONLY)
        atomic.sync(path)
        atomic.make_folder(place.parent)
        path.replace(place)
        atomic.sync(place.parent)
        self._proof.note(place, digest)

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
        if self._is_shown(view, listing):
            return
        fresh = atomic.temporary_in(self._scratch)
        fresh.mkdir()
        for name, entry in listing.items():
            file = fresh / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if entry.executable:
                copy = atomic.copy(self.place(entry.digest), scratch=self._scratch)
                copy.chmod(mode_of(entry))
                copy.replace(file)
            else:
                file.symlink_to(self._goal(view / name, entry))
        atomic.replace_folder(fresh, view, scratch=self._scratch)

    def _is_shown(self, view: Path, listing: Listing) -> bool:
        """Say whether the folder has these files, these alone, and each as it was made."""
        if view.is_symlink() or not view.is_dir():
            return False
        found = {file.relative_to(view).as_posix(): file for file in _files_below(view)}
        return found.keys() == listing.keys() and all(
            not self._proof.wrong({str(file): entry}, thorough=True)
            if entry.executable
            else file.is_symlink() and file.readlink() == self._goal(file, entry)
            for name, entry in listing.items()
            for file in [found[name]]
        )

    def _goal(self, file: Path, entry: Entry) -> Path:
        """What the link at *file* says: seen from where it is, so that a store can be moved."""
        return _relative(self.place(entry.digest), file.parent)


def _files_below(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files_below(folder / entry.name)
            else:
                yield folder / entry.name


def _relative(goal: Path, start: Path) -> Path:
    return Path(os.path.relpath(goal, start))
