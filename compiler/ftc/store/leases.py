"""Graphics cards lent to stages, each to one at a time, by locks that the kernel holds.

All builds on a machine meet in one folder, whatever store or user they have. It holds a file for
each card, and one for each stage that waits. The lock of a file goes with the last process that
has it open, however that ended, so nothing in the folder can be stale.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ftc.store.locks import Holder, said_by_holder, sign, try_lock

FOLDER_VARIABLE = "FTC_LEASES"
FOLDER = Path("/tmp/ftc-leases")
"""Not the user's own folder for such things: two users must not share a card either."""

POLL_SECONDS = 0.2
TURN = "turn"
TICKET = "ticket-"

Waiting = Callable[[Holder], None]


class Card(NamedTuple):
    """A graphics card, or a slice of one: what names it to the machine, and to people."""

    uuid: str
    label: str


class Lease(NamedTuple):
    """Cards that are ours. The descriptors may be handed on: the last to close them gives back."""

    cards: tuple[Card, ...]
    descriptors: tuple[int, ...]


class Leases:
    """The cards of this machine. Any number of processes and threads may ask for some.

    Who came first is served first, so that a stage that needs all cards gets them in the end. One
    waits for those before it only as far as they want the same cards.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Nothing is made before something is asked for."""
        self._folder = folder or Path(os.environ.get(FOLDER_VARIABLE) or FOLDER)

    @contextmanager
    def lend(
        self,
        cards: Sequence[Card],
        count: int,
        *,
        command: str,
        waiting: Waiting = lambda holder: None,
        give_up: Callable[[], bool] = lambda: False,
    ) -> Iterator[Lease | None]:
        """Hold *count* of *cards*, the first that are free, while the block runs.

        None if *give_up* said so before they were free. *waiting* is told once of each holder that
        stands in the way; *command* is what the holders of others are told of us.
        """
        assert 0 < count <= len(cards)
        lease = self._wait(cards, count, command=command, waiting=waiting, give_up=give_up)
        try:
            yield lease
        finally:
            for descriptor in lease.descriptors if lease else ():
                os.close(descriptor)

    def _wait(
        self,
        cards: Sequence[Card],
        count: int,
        *,
        command: str,
        waiting: Waiting,
        give_up: Callable[[], bool],
    ) -> Lease | None:
        with self._ticket(cards, command) as number:
            tries = 0
            while True:
                found = self._take(number, cards, count, command=command)
                if isinstance(found, Lease):
                    return found
                if give_up():
                    return None
                tries += 1
                # A process that is just being started has our locks for an instant too.
                if tries == 2:
                    for holder in found:
                        waiting(holder)
                time.sleep(POLL_SECONDS)

    @contextmanager
    def _ticket(self, cards: Sequence[Card], command: str) -> Iterator[int]:
        """Stand in line while the block runs, behind all who are there."""
        with self._turn():
            number = max((_number(file) for file in self._tickets()), default=0) + 1
            file = self._folder / f"{TICKET}{number:08}"
            descriptor = _open(file)
            try_lock(descriptor)
            sign(descriptor, Holder.ourselves(command=command, holds=_wish(cards)))
        try:
            yield number
        finally:
            file.unlink(missing_ok=True)
            os.close(descriptor)

    def _take(
        self, number: int, cards: Sequence[Card], count: int, *, command: str
    ) -> Lease | list[Holder]:
        """Return the cards if it is our turn and they are free, else who stands in the way."""
        with self._turn():
            if before := self._before(number, cards):
                return before
            holders: list[Holder] = []
            taken: list[tuple[Card, int]] = []
            for card in cards:
                descriptor = _open(self._folder / card.uuid)
                if not try_lock(descriptor):
                    holders.append(said_by_holder(descriptor)._replace(holds=card.label))
                    os.close(descriptor)
                    continue
                taken.append((card, descriptor))
                if len(taken) == count:
                    break
            if len(taken) < count:
                for _, descriptor in taken:
                    os.close(descriptor)
                return holders
            for card, descriptor in taken:
                sign(descriptor, Holder.ourselves(command=command, holds=card.label))
            return Lease(tuple(card for card, _ in taken), tuple(fd for _, fd in taken))

    def _before(self, number: int, cards: Sequence[Card]) -> list[Holder]:
        """Return those who came before us and want a card that we want."""
        found = []
        for file in self._tickets():
            if _number(file) >= number:
                break
            holder = _waiting_with(file)
            if holder is not None and _wants(holder, cards):
                found.append(holder._replace(holds="an earlier place in the queue for GPUs"))
        return found

    def _tickets(self) -> list[Path]:
        return sorted(self._folder.glob(f"{TICKET}*"), key=_number)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Be the only one who looks at the folder, for the time of a few system calls."""
        _make_shared(self._folder)
        descriptor = _open(self._folder / TURN)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _number(ticket: Path) -> int:
    return int(ticket.name.removeprefix(TICKET))


def _wish(cards: Sequence[Card]) -> str:
    return " ".join(card.uuid for card in cards)


def _wants(holder: Holder, cards: Sequence[Card]) -> bool:
    """Say whether a ticket's holder wants one of the cards. One who says nothing wants all."""
    return not holder.holds or not {card.uuid for card in cards}.isdisjoint(holder.holds.split())


def _waiting_with(ticket: Path) -> Holder | None:
    """Return who waits with a ticket, or None when they are gone."""
    try:
        descriptor = os.open(ticket, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        if not try_lock(descriptor):
            return said_by_holder(descriptor)
        with suppress(PermissionError):  # Another user's, who takes it away some day.
            ticket.unlink()
        return None
    finally:
        os.close(descriptor)


def _make_shared(folder: Path) -> None:
    """Make a folder in which every user may put files, and take away only their own."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise
    else:
        folder.chmod(0o1777)


def _open(file: Path) -> int:
    """Open a file that all users may lock; make it where there is none."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        with suppress(FileNotFoundError):
            # Without O_CREAT: the kernel refuses that for another's file in a folder like ours.
            return os.open(file, flags)
        with suppress(FileExistsError):
            descriptor = os.open(file, flags | os.O_CREAT | os.O_EXCL, 0o666)
            os.fchmod(descriptor, 0o666)  # The umask would keep it to ourselves.
            return descriptor
