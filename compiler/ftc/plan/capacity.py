"""What this machine has: memory to train in, and room for files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from ftc.plan.memory import Device
from ftc.store.store import Store

MEGABYTE = 1 << 20
ANSWER_SECONDS = 10


class Capacity(NamedTuple):
    """Where a training runs, and how much memory there is in all."""

    device: Device
    total: int
    """Bytes."""


def memory_here() -> Capacity:
    """Return the largest GPU's memory, else the machine's, or what a container may use of it."""
    gpus = _gpu_memories()
    if gpus:
        return Capacity("gpu", max(gpus))
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    total = next(int(line.split()[1]) for line in lines if line.startswith("MemTotal:")) << 10
    try:
        return Capacity("cpu", min(total, int(Path("/sys/fs/cgroup/memory.max").read_text())))
    except (OSError, ValueError):
        # No such limit: not in a container, or `max`.
        return Capacity("cpu", total)


def _gpu_memories() -> list[int]:
    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=True
        )
        return [int(line) * MEGABYTE for line in answer.stdout.split()]
    except (OSError, ValueError, subprocess.SubprocessError):
        return []


def free_disk(store: Store) -> int:
    """Return the bytes that are free where the store is, or will be."""
    place = store.root
    while not place.exists():
        place = place.parent
    filesystem = os.statvfs(place)
    return filesystem.f_bavail * filesystem.f_frsize
