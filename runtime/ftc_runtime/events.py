"""What a running stage says: JSON lines on a pipe of their own, apart from stdout and stderr.

The parent passes the pipe's number in `FTC_EVENTS_FD`. Without it (a stage run by hand) events go
to stderr. Every event is one line of at most a few hundred bytes, so that lines of several ranks
never mix. The terminal, `ftc log` and the web board all read these.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

ENVIRONMENT_NAME = "FTC_EVENTS_FD"
RANK = os.environ.get("RANK", "0")
"""Which of the processes of one stage this is. The first speaks; the others only when they fail."""

said_done = False
"""Whether `done` was called, which happens once."""


def _emit(event: dict[str, Any]) -> None:
    if RANK != "0" and event["event"] != "failed":
        return
    line = json.dumps({"time": round(time.time(), 3), **event}, ensure_ascii=False) + "\n"
    descriptor = int(os.environ.get(ENVIRONMENT_NAME, "2"))
    try:
        os.write(descriptor, line.encode())
    except OSError:
        # The reader is gone. The shim ends us; failing here would only hide why.
        return


def progress(done: int, total: int, unit: str = "step", **values: float | int | str) -> None:
    """Say how far the work is. *values* are shown beside it: `loss=1.83`, `batch=8`."""
    _emit({"event": "progress", "done": done, "total": total, "unit": unit, "values": values})


def phase(text: str) -> None:
    """Say what begins now, in a few words: `loading the model`."""
    _emit({"event": "phase", "text": text})


def resumed(done: int, total: int, unit: str = "step") -> None:
    """Say that an earlier try's work is taken up where it was saved."""
    _emit({"event": "resumed", "done": done, "total": total, "unit": unit})
    phase(f"going on from {unit} {done} of {total}")


def stopping(seconds: float, what: str) -> None:
    """Say that we heard the wish to end, and need so long to save *what*: `step 41 of 60`."""
    _emit({"event": "stopping", "seconds": round(seconds, 1), "what": what})


def metric(step: int, **values: float) -> None:
    """Record numbers of one training step, for curves."""
    _emit({"event": "metric", "step": step, "values": values})


def warning(text: str) -> None:
    """Say what the user should know and need not act on at once."""
    _emit({"event": "warning", "text": text})


def failed(message: str, hint: str | None = None) -> None:
    """Say why the stage ends without its outputs. The last event of a failed stage."""
    if RANK != "0":
        message = f"rank {RANK}: {message}"
    _emit({"event": "failed", "message": message, "hint": hint})


def done(**facts: float | int | str) -> None:
    """Say that every output is written. *facts* go to the run's record: `rows=91`."""
    global said_done
    said_done = True
    _emit({"event": "done", "facts": facts})
