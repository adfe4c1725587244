"""A plain web server as a remote, over fsspec's session: two kinds of GET, nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ftc.store.remotes.bucket import Bucket
from ftc.store.remotes.place import RemoteFault

BLOCK_BYTES = 2**20
PARTIAL_CONTENT = 206


class Mirror(Bucket):
    """Implements `Place` for reading. What cannot be written is refused before it comes here."""

    def names(self, folder: str) -> list[str]:
        """See `Place`. A server's pages of links are no list to rely on."""
        return []

    def size(self, name: str) -> int | None:
        """See `Place`."""
        return self.call(self._size(self.path(name)))

    def download(self, name: str, *, start: int, size: int, sink: Callable[[bytes], None]) -> None:
        """See `Place`. From a server that knows no ranges what is here already comes again."""
        stopped: list[BaseException] = []

        def guarded(block: bytes) -> None:
            try:
                sink(block)
            except BaseException as error:
                stopped.append(error)
                raise

        try:
            self.call(self._stream(self.path(name), start, guarded))
        except FileNotFoundError:
            return
        except RemoteFault:
            # What ended it here, a full disk or Ctrl-C, is no fault of the server's.
            if stopped:
                raise stopped[0] from None
            raise

    def upload(self, file: Path, name: str, *, sent: Callable[[int], None]) -> None:
        """See `Place`."""
        raise TypeError(self.forbids_writing())

    def create(self, name: str, data: bytes) -> bool:
        """See `Place`."""
        raise TypeError(self.forbids_writing())

    def replace(self, name: str, data: bytes) -> None:
        """See `Place`."""
        raise TypeError(self.forbids_writing())

    def forbids_writing(self) -> str:
        """See `Place`."""
        return "a web server is read only"

    async def _size(self, url: str) -> int | None:
        session = await self.filesystem.set_session()
        options = self._options()
        async with session.head(
            self.filesystem.encode_url(url), allow_redirects=True, **options
        ) as answer:
            if answer.status == 404:
                return None
            answer.raise_for_status()
            length = answer.headers.get("Content-Length", "")
            return int(length) if length.isdecimal() else None

    async def _stream(self, url: str, start: int, sink: Callable[[bytes], None]) -> None:
        session = await self.filesystem.set_session()
        options = self._options({"Range": f"bytes={start}-"} if start else {})
        async with session.get(self.filesystem.encode_url(url), **options) as answer:
            self.filesystem._raise_not_found_for_status(answer, url)
            skip = 0 if answer.status == PARTIAL_CONTENT else start
            async for block in answer.content.iter_chunked(BLOCK_BYTES):
                fresh = block[skip:]
                skip -= len(block) - len(fresh)
                if fresh:
                    sink(fresh)

    def _options(self, headers: dict[str, str] | None = None) -> dict[str, object]:
        """What every request takes: the user's own, and bytes as they are, not packed."""
        own = dict(self.filesystem.kwargs)
        given = own.pop("headers", {})
        return {**own, "headers": {"Accept-Encoding": "identity", **given, **(headers or {})}}
