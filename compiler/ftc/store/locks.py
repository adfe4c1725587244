"""Locks held by the kernel: one is gone with its holder, however that ended.

Each key has one, for the build of it; the store has one, which whoever relies on its files shares
and whoever deletes some has alone. The store's is always taken first.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NamedTuple, Self

from ftc.store import atomic
from ftc.store.store import Store

POLL_SECONDS = 0.1
STORE_LOCK = "store"


class Holder(NamedTuple):
    """Who holds a lock now, as they said themselves. *since* is in seconds since 1970."""

    pid: int
    host: str
    command: str
    since: float
    holds: str = ""
    """What it is, where it is not the key: `GPU 0, NVIDIA H100`."""

    @classmethod
    def ourselves(cls, *, command: str = "", holds: str = "") -> Self:
        """Return this process, with the command that it was started by unless another is said."""
        return cls(
            os.getpid(), os.uname().nodename, command or " ".join(sys.argv), time.time(), holds
        )


UNKNOWN = Holder(pid=0, host="?", command="?", since=0.0)


class KeyLock:
    """The right to build a key. Use it as a context manager: leaving gives the lock back.

    `fileno()` may be handed to other processes: the key then stays locked until the last of them
    is gone, so that nobody builds in the folder of an orphan.
    """

    def __init__(self, store: Store, key: str) -> None:
        """Open the key's lock file; nothing is locked yet."""
        self._file = store.lock_file(key)
        atomic.make_folder(self._file.parent)
        self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def acquire(
        self,
        *,
        waiting: Callable[[Holder], None] = lambda holder: None,
        give_up: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Wait until the lock is ours; return False if *give_up* said so before.

        *waiting* is told once who holds it.
        """
        tries = 0
        while not try_lock(self._descriptor):
            if give_up():
                return False
            tries += 1
            # Someone who only looks holds it for an instant: the first failure says nothing.
            if tries == 2:
                waiting(said_by_holder(self._descriptor))
            time.sleep(POLL_SECONDS)
        sign(self._descriptor, Holder.ourselves())
        return True

    def fileno(self) -> int:
        """Return the descriptor, for `pass_fds`."""
        return self._descriptor

    def __enter__(self) -> Self:
        """Return the lock, not taken yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go. A process that was handed the descriptor keeps the key locked."""
        os.close(self._descriptor)


@contextmanager
def relying_on(
    store: Store, *, waiting: Callable[[Holder], None] = lambda holder: None
) -> Iterator[None]:
    """Have the store's files stay as long as the context lasts: nobody deletes any.

    Builds, fetches and links to results do this. *waiting* is told once who deletes now.
    """
    with _store_lock(store, fcntl.LOCK_SH, waiting=waiting):
        yield


@contextmanager
def deleting_from(
    store: Store, *, waiting: Callable[[Holder], None] = lambda holder: None
) -> Iterator[None]:
    """Have the store alone. *waiting* is told once for whom that waits."""
    with _store_lock(store, fcntl.LOCK_EX, waiting=waiting):
        yield


@contextmanager
def _store_lock(store: Store, kind: int, *, waiting: Callable[[Holder], None]) -> Iterator[None]:
    file = store.root / "locks" / STORE_LOCK
    atomic.make_folder(file.parent)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        tries = 0
        while True:
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                tries += 1
                if tries == 2:
                    waiting(said_by_holder(descriptor))
                time.sleep(POLL_SECONDS)
        # Of several who share it, the last tells of itself.
        sign(descriptor, Holder.ourselves())
        yield
    finally:
        os.close(descriptor)


def holder_of(store: Store, key: str) -> Holder | None:
    """Return who builds the key now, or None. Does not wait."""
    try:
        descriptor = os.open(store.lock_file(key), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return said_by_holder(descriptor)
    else:
        return None
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Take the lock of an open file unless another has it. Return whether that was done."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sign(descriptor: int, holder: Holder) -> None:
    """Write into a locked file who has it, for those who wait."""
    text = json.dumps(holder._asdict()).encode("utf-8", "replace")
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text, 0)


def said_by_holder(descriptor: int) -> Holder:
    """Return what the holder of a file wrote into it."""
    try:
        return Holder(**json.loads(os.pread(descriptor, 65536, 0)))
    except (ValueError, TypeError):
        return UNKNOWN
