"""A folder as a remote: a disk or a network filesystem that several machines mount."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ftc.store import atomic
from ftc.store.remotes.place import RemoteFault

BLOCK_BYTES = 8 * 2**20


class Directory:
    """Implements `Place`. A file has its name only when it is whole, and on the disk."""

    def __init__(self, name: str, root: Path, *, writable: bool) -> None:
        """*name* is the remote's, for messages. A *writable* root is made by the first push."""
        self._name = name
        self._writable = writable
        self._root = root
        self._scratch = root / "tmp"

    def read(self, name: str) -> bytes | None:
        """See `Place`."""
        with self._told():
            try:
                return (self._root / name).read_bytes()
            except FileNotFoundError:
                self._require_root()
                return None

    def names(self, folder: str) -> list[str]:
        """See `Place`."""
        with self._told():
            files = (path for path in (self._root / folder).rglob("*") if path.is_file())
            return sorted(path.relative_to(self._root).as_posix() for path in files)

    def size(self, name: str) -> int | None:
        """See `Place`."""
        with self._told():
            try:
                info = (self._root / name).stat()
            except FileNotFoundError:
                self._require_root()
                return None
            return info.st_size if stat.S_ISREG(info.st_mode) else None

    def download(self, name: str, *, start: int, size: int, sink: Callable[[bytes], None]) -> None:
        """See `Place`."""
        with self._told():
            try:
                file = (self._root / name).open("rb")
            except FileNotFoundError:
                return
        with file:
            file.seek(start)
            while block := self._block(file.fileno()):
                sink(block)

    def upload(self, file: Path, name: str, *, sent: Callable[[int], None]) -> None:
        """See `Place`."""
        place = self._root / name
        with self._told():
            temporary = atomic.temporary_in(self._scratch)
            try:
                with file.open("rb") as source, temporary.open("xb") as copy:
                    while block := source.read(BLOCK_BYTES):
                        copy.write(block)
                        sent(len(block))
                    os.fsync(copy.fileno())
                temporary.chmod(0o444)
                atomic.make_folder(place.parent)
                temporary.replace(place)
            finally:
                temporary.unlink(missing_ok=True)
            atomic.sync(place.parent)

    def create(self, name: str, data: bytes) -> bool:
        """See `Place`."""
        with self._told():
            return atomic.create(self._root / name, data, scratch=self._scratch)

    def replace(self, name: str, data: bytes) -> None:
        """See `Place`."""
        with self._told():
            atomic.write(self._root / name, data, scratch=self._scratch)

    def forbids_writing(self) -> str | None:
        """See `Place`."""
        folder = self._root if self._root.exists() else self._root.parent
        return None if os.access(folder, os.W_OK) else f"{folder} may not be written"

    def _block(self, descriptor: int) -> bytes:
        with self._told():
            return os.read(descriptor, BLOCK_BYTES)

    def _require_root(self) -> None:
        if self._root.is_dir() or (self._writable and self._root.parent.is_dir()):
            return
        hint = "is it mounted? The first `ftc push` makes it, if the folder above it is there"
        raise RemoteFault(f"remote {self._name}: there is no folder {self._root}", hint)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what the filesystem says into what a user understands."""
        try:
            yield
        except OSError as error:
            place = f" ({error.filename})" if error.filename else ""
            raise RemoteFault(f"remote {self._name}: {error.strerror or error}{place}") from error
