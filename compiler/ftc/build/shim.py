"""Stands over one stage: a parent that ends all of it when ftc is gone.

Run as a file of its own, `python -I -S shim.py LIFELINE COMMAND...`. LIFELINE is the number of a
pipe's read end. End of file there (ftc died, or wants the stage to end) gives SIGTERM to every
descendant, ten seconds, then SIGKILL. A byte `t` there means the same, a `k` SIGKILL at once, and
a `w` ten seconds more from then, while ftc lives and the stage saves. When the stage ends by
itself, what it left running gets the same. The exit status is the stage's own, or 128 + the signal
that ended it.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
from pathlib import Path

GRACE_SECONDS = 10.0
POLL_SECONDS = 0.05
COMMAND_NOT_FOUND = 127

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

libc = ctypes.CDLL(None)


def main(lifeline: int, command: list[str]) -> int:
    """Run the command until it ends or the lifeline does. Return its exit status."""
    # Orphans of the stage become our children, whatever session they are in.
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.set_inheritable(lifeline, False)
    wake = wake_on_signals()
    child = start(command)
    code = None
    while code is None:
        asked: set[int] = set()
        readable = said_something(lifeline, wake)
        if wake in readable:
            asked = set(os.read(wake, 1024)) & {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
            code = reap().get(child)
        if code is None and (lifeline in readable or asked):
            break
    ended = end_descendants(lifeline)
    return exit_status(ended[child] if code is None else code)


def wake_on_signals() -> int:
    """Return a descriptor from which the number of each signal that we get can be read."""
    wake, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return wake


def start(command: list[str]) -> int:
    """Start the stage, which dies with us even if we are killed. Return its process id."""
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(128 + signal.SIGKILL)  # The shim died before the kernel knew of our wish.
        for number in (
            signal.SIGCHLD,
            signal.SIGTERM,
            signal.SIGINT,
            signal.SIGHUP,
            signal.SIGPIPE,
        ):
            signal.signal(number, signal.SIG_DFL)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(COMMAND_NOT_FOUND)


def reap() -> dict[int, int]:
    """Return the wait status of every child that has ended."""
    ended: dict[int, int] = {}
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if process == 0:
            return ended
        ended[process] = status


def end_descendants(lifeline: int) -> dict[int, int]:
    """End every descendant, gently and then not. Return the wait statuses of all children."""
    ended = reap()
    deadline = time.monotonic() + GRACE_SECONDS
    told: set[int] = set()
    rude = False
    while alive := descendants():
        words = heard(lifeline)
        if b"w" in words:
            deadline = time.monotonic() + GRACE_SECONDS
        rude = rude or time.monotonic() > deadline or b"k" in words
        for process in alive if rude else alive - told:
            send(process, signal.SIGKILL if rude else signal.SIGTERM)
        told |= alive
        time.sleep(POLL_SECONDS)
        ended.update(reap())
    ended.update(reap())
    return ended


def descendants() -> set[int]:
    """Return the processes below us, those that made sessions of their own included."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 (pathlib would build 500 objects a look)
        if entry.isdigit() and (parent := parent_of(entry)) is not None:
            children.setdefault(parent, []).append(int(entry))
    found: set[int] = set()
    front = [os.getpid()]
    while front:
        below = children.get(front.pop(), [])
        front.extend(below)
        found.update(below)
    return found


def parent_of(process: str) -> int | None:
    """Return the parent of a process, or None when it is gone."""
    try:
        text = Path("/proc", process, "stat").read_text(errors="replace")
    except OSError:
        return None
    # The name, in parentheses, may hold spaces and parentheses; what follows the last one does not.
    return int(text.rpartition(")")[2].split()[1])


def heard(lifeline: int) -> bytes:
    """Return what ftc has said since; nothing if it is gone."""
    return os.read(lifeline, 64) if said_something(lifeline, seconds=0) else b""


def said_something(*descriptors: int, seconds: float | None = None) -> set[int]:
    """Return those that can be read or have ended; wait for one as long as told, or for ever."""
    # Not `select`, which knows no descriptor beyond 1023: a large build has more open.
    poller = select.poll()
    for descriptor in descriptors:
        poller.register(descriptor, select.POLLIN)
    found = poller.poll(None if seconds is None else seconds * 1000)
    return {descriptor for descriptor, _ in found}


def send(process: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return


def exit_status(status: int) -> int:
    """Return what we exit with: the stage's own code, or 128 + the signal that ended it."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
