"""What a stage reads from outside, by content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ftc.plan.keys import canonical
from ftc.plan.locate import PACKAGE, SCRATCH, is_afar
from ftc.plan.stages import OutsideSource
from ftc.store.statcache import StatCache

if TYPE_CHECKING:
    from ftc.lockfile.lock import Lock, Pin


LOOK_BYTES = 1 << 26
"""How much one look may read to know what a source is. Weights are left to `ftc build`."""


class Found(NamedTuple):
    """A source as it is now: its digest, or why there is none.

    Of what is not here the digest is ftc.lock's: enough for a key whose result is known, and
    *problem* says why nothing can be made from it.
    """

    digest: str | None
    problem: str | None = None
    path: Path | None = None
    revision: str | None = None
    files: Mapping[str, str] = {}

    @property
    def unpinned(self) -> bool:
        """Is it a hub's or a cloud's name that ftc.lock does not hold yet?"""
        return self.digest is None and self.path is None and self.problem is None


class Sources:
    """Looks sources up. Reads a file's bytes only when they may have changed; asks no network.

    In one look it reads no more than `LOOK_BYTES`, but for what `read` was called for.
    """

    def __init__(self, root: Path, digests: StatCache) -> None:
        """*root* is the project's folder; *digests* remembers those of its files."""
        self.root = root
        self.digests = digests
        self._locked: Lock | None = None
        self._pins: dict[str, Pin] | None = None
        self._may_read = LOOK_BYTES
        self._read: set[Path] = set()

    def begin_look(self) -> None:
        """Allow as much reading as a look may do."""
        self._may_read = LOOK_BYTES

    def read(self, sources: Iterable[OutsideSource], *, told: Callable[[int, int], None]) -> None:
        """Read the bytes of *sources* that no look has read, however many, and so do later looks.

        *told* gets the bytes read so far and in all, from several threads.
        """
        self._read |= {source.path for source in sources if source.path is not None}
        looks = []
        for path in self._read:
            with suppress(OSError):  # `find` says what is wrong with it.
                looks.append(self.digests.look(path))
        with suppress(OSError):
            self.digests.read(looks, told=told)

    def find(self, source: OutsideSource) -> Found:
        """Return what *source* is now."""
        if source.uri.startswith(SCRATCH):
            return Found(_of_text(source.uri))
        if is_afar(source.uri):
            return self._pinned(source)
        if source.path is None:
            package = source.uri.removeprefix(PACKAGE).split("/")[0]
            problem = f"{source.uri} is not here: pip install {package}"
            locked = self._head().contents.get(source.uri)
            return Found(locked.digest if locked else None, problem)
        try:
            look = self.digests.look(source.path)
            unread = look.unread_bytes()
            if source.path not in self._read:
                if unread > self._may_read:
                    note = f"{unread / 1e9:.1f} GB not read yet: ftc build reads it once"
                    return Found(None, note, source.path)
                self._may_read -= unread
            return Found(self.digests.digest_of(look), path=source.path)
        except FileNotFoundError:
            return Found(None, f"{source.uri} does not exist")
        except OSError as error:
            return Found(None, f"{source.uri} cannot be read: {error.strerror}")

    def _pinned(self, source: OutsideSource) -> Found:
        from ftc.lockfile.lock import address

        pin = self._pinned_so_far().get(address(source.uri, source.revision))
        if pin is None:
            return Found(None)
        return Found(
            "sha256:" + hashlib.sha256(canonical([pin.revision, pin.files])).hexdigest(),
            revision=pin.revision,
            files=pin.files,
        )

    def add_pin(self, address: str, pin: Pin) -> None:
        """Take a pin for the one that ftc.lock holds, from now on and without writing it."""
        self._pinned_so_far()[address] = pin

    def _pinned_so_far(self) -> dict[str, Pin]:
        if self._pins is None:
            self._pins = dict(self._head().pins)
        return self._pins

    def _head(self) -> Lock:
        if self._locked is None:
            # Few projects need it, and tomllib takes its time.
            from ftc.lockfile.reading import read_head

            self._locked = read_head(self.root)
        return self._locked


def _of_text(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
