"""Where and with what a stage ran: facts for its record, never for its key."""

from __future__ import annotations

import os
import platform
import socket
import time
from pathlib import Path
from typing import Any

import ftc
from ftc.build.devices import Lent
from ftc.build.supervise import Ended
from ftc.plan.sources import Found
from ftc.plan.stages import Stage

INSTRUCTION_SETS = ("avx512f", "avx2", "avx", "sve", "asimd")
"""Best first, as /proc/cpuinfo calls them. Another one may round a sum in another way."""


def facts_of_run(
    ended: Ended, *, threads: int, started: float, lent: Lent, attempts: int
) -> dict[str, Any]:
    """Return the facts of one run. *started* is in seconds since 1970."""
    capability = os.environ.get("ATEN_CPU_CAPABILITY")
    return {
        "host": socket.gethostname(),
        "instruction_set": instruction_set(),
        "threads": threads,
        **lent.facts(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(ended.seconds, 3),
        "peak_bytes": ended.peak_bytes,
        "attempts": attempts,
        "resumed": ended.resumed is not None,
        **({"resumed_from": ended.resumed["done"]} if ended.resumed else {}),
        "ftc": ftc.__version__,
        "python": platform.python_version(),
        **({"aten_cpu_capability": capability} if capability else {}),
        "stage": dict(ended.facts),
    }


def facts_of_stage(stage: Stage, found: Found | None) -> dict[str, Any]:
    """Return what a key does not say of a stage: its name, every setting, where its source lay."""
    facts = {"name": stage.name, "reproduces": stage.reproduces, "params": stage.params}
    if stage.source is None or found is None:
        return facts
    path = str(found.path) if found.path else None
    pin = {"revision": found.revision, "files": dict(found.files)}
    return {**facts, "source": {"uri": stage.source.uri, "path": path, **pin}}


def instruction_set() -> str:
    """Return the widest vector instructions of this processor that change results."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    flags = {
        flag
        for line in text.splitlines()
        if line.lower().startswith(("flags", "features"))
        for flag in line.partition(":")[2].split()
    }
    known = [name for name in INSTRUCTION_SETS if name in flags]
    return known[0] if known else platform.machine()


def usable_processors() -> int:
    """Return how many processors we may use; a container may allow fewer than there are."""
    allowed = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(allowed, int(quota) // int(period)))
    except (OSError, ValueError):
        # No such limit: not in a container, or `max`.
        return allowed
