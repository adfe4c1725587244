"""A bucket as a remote, over fsspec: S3 and all that speak it, Google Cloud Storage."""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ftc.store.remotes.faults import faults_of, no_bucket
from ftc.store.remotes.place import Address, RemoteFault

if TYPE_CHECKING:
    from fsspec.asyn import AsyncFileSystem

BLOCK_BYTES = 16 * 2**20
BLOCKS_AHEAD = 4
LONGEST_SECONDS = 900.0
"""No answer takes longer. A silence is noticed much sooner, by the filesystem's own limits."""

Result = TypeVar("Result")


class Bucket:
    """Implements `Place`. Each verb is a coroutine in fsspec's thread, waited for in ours."""

    def __init__(self, address: Address, filesystem: AsyncFileSystem) -> None:
        """*filesystem* is open, and has limits on how long it waits."""
        self._address = address
        self.filesystem = filesystem
        self._url = address.url.rstrip("/")

    def read(self, name: str) -> bytes | None:
        """See `Place`."""
        try:
            # From a first byte: without one, s3fs asks for the size before.
            return bytes(self.call(self.filesystem._cat_file(self.path(name), start=0)))
        except FileNotFoundError:
            return None

    def names(self, folder: str) -> list[str]:
        """See `Place`."""
        try:
            found = self.call(self.filesystem._find(self.path(folder)))
        except FileNotFoundError:
            return []
        start = len(str(self.filesystem._strip_protocol(self._url))) + 1
        return sorted(str(path)[start:] for path in found)

    def size(self, name: str) -> int | None:
        """See `Place`."""
        try:
            info = self.call(self.filesystem._info(self.path(name)))
        except FileNotFoundError:
            return None
        return int(info["size"]) if info["type"] == "file" else None

    def download(self, name: str, *, start: int, size: int, sink: Callable[[bytes], None]) -> None:
        """See `Place`. Some blocks are under way while one is taken."""
        starts = deque(range(start, size, BLOCK_BYTES))
        under_way: deque[Future[bytes]] = deque()
        try:
            while starts or under_way:
                while starts and len(under_way) < BLOCKS_AHEAD:
                    begin = starts.popleft()
                    end = min(begin + BLOCK_BYTES, size)
                    block = self.filesystem._cat_file(self.path(name), start=begin, end=end)
                    under_way.append(self._begin(block))
                sink(bytes(self._wait(under_way.popleft())))
        except FileNotFoundError:
            return
        finally:
            for late in under_way:
                late.cancel()

    def upload(self, file: Path, name: str, *, sent: Callable[[int], None]) -> None:
        """See `Place`. S3 is told the digest, and refuses bytes that do not have it."""
        from fsspec.callbacks import Callback

        class Sent(Callback):  # type: ignore[misc]  # fsspec has no types
            def relative_update(self, inc: int = 1) -> None:
                sent(inc)

        checks = {}
        if "s3" in self.filesystem.protocol:
            digest = bytes.fromhex(name.rpartition("/")[2])
            checks = {"ChecksumSHA256": base64.b64encode(digest).decode()}
        self._write(
            self.filesystem._put_file(str(file), self.path(name), callback=Sent(), **checks)
        )

    def create(self, name: str, data: bytes) -> bool:
        """See `Place`. The service itself refuses the second of two."""
        try:
            self._write(self.filesystem._pipe_file(self.path(name), data, mode="create"))
        except (FileExistsError, RemoteFault):
            # Each service has its own words for it: see whether something stands there.
            if self.read(name) is None:
                raise
            return False
        return True

    def replace(self, name: str, data: bytes) -> None:
        """See `Place`."""
        self._write(self.filesystem._pipe_file(self.path(name), data))

    def forbids_writing(self) -> str | None:
        """See `Place`. Only writing would tell."""
        return None

    def path(self, name: str) -> str:
        """Return the name as the filesystem wants it."""
        return f"{self._url}/{name}"

    def call(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return what a coroutine of the filesystem gives.

        Raises:
            FileNotFoundError, FileExistsError: as the filesystem does.
            RemoteFault: for all else that can go wrong there.
        """
        return self._wait(self._begin(work))

    def _write(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            self.call(work)
        except FileNotFoundError:
            raise no_bucket(self._address) from None

    def _begin(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        return asyncio.run_coroutine_threadsafe(work, self.filesystem.loop)

    def _wait(self, future: Future[Result]) -> Result:
        with faults_of(self._address):
            try:
                return future.result(LONGEST_SECONDS)
            finally:
                future.cancel()
