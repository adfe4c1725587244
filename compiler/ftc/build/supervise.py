"""Runs one stage's process under its shim, listens to its events, ends it when asked."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftc.build.interrupt import Interrupt
from ftc.build.report import Event
from ftc.build.watch import Watch
from ftc_runtime.events import ENVIRONMENT_NAME

SHIM = Path(__file__).with_name("shim.py")
LISTEN_MILLISECONDS = 100
ENDING_MILLISECONDS = 10
READ_BYTES = 1 << 16
RENEWAL_SECONDS = 1.0
LONGEST_GRACE_SECONDS = 300.0
"""A stage that is asked to end and says how long it needs to save has that long, up to this."""


@dataclass(frozen=True, slots=True)
class Job:
    """One process to run: what, where, and what it may know."""

    command: list[str]
    folder: Path
    log: Path
    events: Path
    environment: Mapping[str, str]
    locks: tuple[int, ...]
    """The descriptors of its key's and its GPUs' locks, which the process holds too."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended. *code* is its exit code, 128 + a signal, or -signal of its shim."""

    code: int
    seconds: float
    peak_bytes: int
    """The resident memory of the largest of its processes, at its largest."""
    complaint: Event | None
    """The last `failed` event, or what the watch found."""
    facts: Mapping[str, Any]
    """Those of its `done` event."""
    resumed: Event | None = None
    """What of an earlier try it went on from, if it did."""


@dataclass(slots=True)
class _Listener:
    """Takes events apart, keeps them as they came, and remembers those that say how it ended."""

    raw: Path
    tell: Callable[[Event], None]
    complaint: Event | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    resumed: Event | None = None
    saving_seconds: float = 0.0
    """How long it said that it needs to save, when it was asked to end."""
    _rest: bytes = b""

    def hear(self, data: bytes) -> None:
        with suppress(OSError), self.raw.open("ab") as file:  # the disk may be full
            file.write(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._hear_line(line)

    def _hear_line(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            # A library that writes into any descriptor it finds.
            return
        if not isinstance(event, dict):
            return
        if event.get("event") == "failed":
            self.complaint = event
        elif event.get("event") == "done":
            self.facts = event.get("facts") or {}
        elif event.get("event") == "resumed":
            self.resumed = event
        elif event.get("event") == "stopping":
            self.saving_seconds = min(float(event["seconds"]), LONGEST_GRACE_SECONDS)
        self.tell(event)


def supervise(job: Job, *, interrupt: Interrupt, tell: Callable[[Event], None]) -> Ended:
    """Run the job until it and everything that it started are gone."""
    started = time.monotonic()
    for file in (job.log, job.events):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    listener = _Listener(job.events, tell)
    watch = Watch(job.folder)
    with _started(job) as (process, events, descriptor):
        lifeline = _Lifeline(descriptor, interrupt)
        _listen(process, events, lifeline=lifeline, listener=listener, watch=watch)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode < 0:
            # Somebody killed the shim, the stage died with it; its children may not know.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
    return Ended(
        code=process.returncode,
        seconds=time.monotonic() - started,
        peak_bytes=usage.ru_maxrss * 1024,
        complaint=listener.complaint,
        facts=listener.facts,
        resumed=listener.resumed,
    )


@contextmanager
def _started(job: Job) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    """Start the shim; give it, the events' read end and the lifeline's write end."""
    events, say = os.pipe()
    live, lifeline = os.pipe()
    try:
        try:
            process = _start(job, live=live, say=say)
        finally:
            os.close(say)
            os.close(live)
        yield process, events, lifeline
    finally:
        os.close(events)
        os.close(lifeline)


def _start(job: Job, *, live: int, say: int) -> subprocess.Popen[bytes]:
    with job.log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(SHIM), str(live), *job.command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=job.folder,
            env={**job.environment, ENVIRONMENT_NAME: str(say)},
            pass_fds=(live, say, *job.locks),
            start_new_session=True,
        )


def _listen(
    process: subprocess.Popen[bytes],
    events: int,
    *,
    lifeline: _Lifeline,
    listener: _Listener,
    watch: Watch,
) -> None:
    """Hear the events until the shim is gone, and see to it that it goes when it is to."""
    poller = select.poll()
    poller.register(events, select.POLLIN)
    wait = LISTEN_MILLISECONDS
    while not _is_gone(process.pid):
        if poller.poll(wait):
            data = os.read(events, READ_BYTES)
            listener.hear(data)
            if not data:
                poller.unregister(events)
                wait = ENDING_MILLISECONDS
        lifeline.hand_on(saving_seconds=listener.saving_seconds)
        if (fault := watch.fault()) is not None:
            listener.complaint = listener.complaint or {"event": "failed", "message": fault}
            lifeline.kill()
    while poller.poll(0) and (data := os.read(events, READ_BYTES)):
        listener.hear(data)


@dataclass(slots=True)
class _Lifeline:
    """What the shim is told: `t` to end the stage, `w` to wait ten seconds more, `k` to kill it."""

    descriptor: int
    interrupt: Interrupt
    _asked_at: float | None = None
    _renewed_at: float = 0.0
    _killed: bool = False

    def hand_on(self, *, saving_seconds: float) -> None:
        """Tell it what the user wishes, and to wait while the stage saves."""
        if self.interrupt.insisted():
            self.kill()
        elif self.interrupt.asked():
            now = time.monotonic()
            if self._asked_at is None:
                self._asked_at = now
                self._write(b"t")
            elif self._renewed_at + RENEWAL_SECONDS < now < self._asked_at + saving_seconds:
                self._renewed_at = now
                self.interrupt.wait_until(self._asked_at + saving_seconds)
                self._write(b"w")

    def kill(self) -> None:
        """Have everything ended at once."""
        if not self._killed:
            self._killed = True
            self._write(b"k")

    def _write(self, word: bytes) -> None:
        with suppress(BrokenPipeError):
            os.write(self.descriptor, word)


def _is_gone(process: int) -> bool:
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
