"""The memory that a training may use on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from ftc.build.devices import Devices
from ftc.plan.costs.capacity import Capacity


def memory_here() -> Capacity:
    """Return that of the largest GPU that a build may use, else that of the machine.

    A container may be allowed less than there is.
    """
    cards = [gpu.total_mib for gpu in Devices(os.environ).gpus if gpu.total_mib is not None]
    if cards:
        return Capacity("gpu", max(cards) << 20)
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    total = next(int(line.split()[1]) for line in lines if line.startswith("MemTotal:")) << 10
    try:
        return Capacity("cpu", min(total, int(Path("/sys/fs/cgroup/memory.max").read_text())))
    except (OSError, ValueError):
        # No such limit: not in a container, or `max`.
        return Capacity("cpu", total)
