"""One lock for each key, gone with its holder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from ftc.store.locks import UNKNOWN, Holder, KeyLock, holder_of
from ftc.store.store import Store

KEY = "ab" * 32

HOLD = """
import subprocess, sys, time
from pathlib import Path
from ftc.store.locks import KeyLock
from ftc.store.store import Store
lock = KeyLock(Store(Path(sys.argv[1])), sys.argv[2])
lock.acquire()
child = subprocess.Popen(["sleep", sys.argv[3]], pass_fds=[lock.fileno()], stdout=2)
print(child.pid, flush=True)
time.sleep(60)
"""


def hold_elsewhere(root: Path, child_seconds: float = 0) -> tuple[subprocess.Popen[str], int]:
    """Start a process that holds the lock, with a child that was handed it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root), KEY, str(child_seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def test_a_holder_is_seen_without_waiting(tmp_path: Path) -> None:
    """Who, where, since when, with which command."""
    store = Store(tmp_path)
    before = holder_of(store, KEY)

    process, _ = hold_elsewhere(tmp_path)
    holder = holder_of(store, KEY)
    process.kill()
    process.wait()

    assert before is None
    assert holder is not None
    assert (holder.pid, holder.host) == (process.pid, os.uname().nodename)
    assert holder.command.startswith("-c ")
    assert abs(holder.since - time.time()) < 20


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    """No `--unlock`, no stale files: the kernel knows."""
    process, child = hold_elsewhere(tmp_path)
    os.kill(child, signal.SIGKILL)
    process.kill()
    process.wait()

    with KeyLock(Store(tmp_path), KEY) as lock:
        got = lock.acquire()

    assert got
    assert holder_of(Store(tmp_path), KEY) is None


def test_a_child_that_was_handed_the_lock_keeps_it(tmp_path: Path) -> None:
    """An orphan may still write to the key's folder."""
    process, child = hold_elsewhere(tmp_path, child_seconds=60)
    process.kill()
    process.wait()

    held = holder_of(Store(tmp_path), KEY)
    os.kill(child, signal.SIGKILL)

    assert held is not None
    with KeyLock(Store(tmp_path), KEY) as lock:
        assert lock.acquire()


def test_waiting_says_once_for_whom_and_ends_with_the_lock(tmp_path: Path) -> None:
    """Within one process too: the lock belongs to the open file."""
    store = Store(tmp_path)
    told: list[Holder] = []
    first = KeyLock(store, KEY)
    first.acquire()
    threading.Timer(0.6, lambda: first.__exit__(None, None, None)).start()

    with KeyLock(store, KEY) as second:
        got = second.acquire(waiting=told.append)

    assert got
    assert [holder.pid for holder in told] == [os.getpid()]


def test_waiting_can_be_given_up(tmp_path: Path) -> None:
    """Ctrl-C while another process builds the key."""
    store = Store(tmp_path)
    with KeyLock(store, KEY) as first, KeyLock(store, KEY) as second:
        first.acquire()

        got = second.acquire(give_up=lambda: True)

    assert not got


def test_a_lock_that_says_nothing_is_still_held(tmp_path: Path) -> None:
    """Its holder was killed between locking and signing, and its child lives."""
    store = Store(tmp_path)
    with KeyLock(store, KEY) as lock:
        lock.acquire()
        (tmp_path / "locks" / KEY).write_text("")

        holder = holder_of(store, KEY)

    assert holder == UNKNOWN
