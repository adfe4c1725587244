"""The pulse of each process (rank) of a stage, so that one that stands still or is gone is noticed.

Each rank keeps one small file under the stage's working folder and writes it over once a step.
Light: the supervisor in ftc reads what the ranks write.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = "heartbeats"
FILE_BYTES = 256
"""Every beat has this length: written over in place, it needs no room on a disk that is full."""


class Beat(NamedTuple):
    """What a rank said last."""

    rank: int
    pid: int
    born: int
    """The process's start, by /proc: another one may get the same number."""
    step: int
    """The last step that is done."""
    steps: int
    time: float
    """Seconds since 1970, for people."""
    watched: bool
    """Whether the next beat is due within *timeout_s*: not while it loads, evaluates or saves."""
    timeout_s: float
    ended: bool = False
    """Whether the rank has said that its work is done."""


class Heartbeat:
    """This rank's pulse."""

    def __init__(self, work: Path, *, rank: int, timeout_s: float) -> None:
        """*work* is the stage's working folder; *timeout_s* how long a step may take at most."""
        (work / FOLDER).mkdir(exist_ok=True)
        self._file = work / FOLDER / f"rank-{rank}.json"
        self._beat = Beat(
            rank=rank,
            pid=os.getpid(),
            born=born(os.getpid()) or 0,
            step=0,
            steps=0,
            time=time.time(),
            watched=False,
            timeout_s=timeout_s,
        )
        self._write()

    def beat(self, step: int, steps: int) -> None:
        """Say that *step* is done and the next one begins."""
        self._beat = self._beat._replace(step=step, steps=steps, watched=True)
        self._write()

    def rest(self, step: int, steps: int) -> None:
        """Say that *step* is done and something begins that may take any time."""
        self._beat = self._beat._replace(step=step, steps=steps, watched=False)
        self._write()

    def end(self) -> None:
        """Say that the work of this rank is done: it may go."""
        self._beat = self._beat._replace(watched=False, ended=True)
        self._write()

    def _write(self) -> None:
        self._beat = self._beat._replace(time=round(time.time(), 3))
        text = json.dumps(self._beat._asdict())
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, f"{text:<{FILE_BYTES - 1}}\n".encode())
        finally:
            os.close(descriptor)


def read_beats(work: Path) -> list[Beat]:
    """Return what each rank said last, in order of the ranks."""
    beats = []
    for file in sorted((work / FOLDER).glob("rank-*.json")):
        try:
            plain: dict[str, Any] = json.loads(file.read_bytes())
            beats.append(Beat(**plain))
        except (OSError, ValueError, TypeError):
            # It is being written. The next look will see it.
            continue
    return sorted(beats)


def born(process: int) -> int | None:
    """Return when a process was started, in ticks since the machine was; None if it is gone."""
    fields = process_fields(process)
    return None if fields is None or fields[0] in "ZX" else int(fields[19])


def process_fields(process: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the state on, or None if there is no process."""
    try:
        text = Path("/proc", str(process), "stat").read_text(errors="replace")
    except OSError:
        return None
    # The name, in parentheses, may hold spaces and parentheses; what follows the last one does not.
    return text.rpartition(")")[2].split()
