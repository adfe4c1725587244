"""The memory that a model takes, and that this machine has."""

from __future__ import annotations

from pathlib import Path

from ftc_runtime.contract import Json

GIB = 2**30
HEADROOM = 1.2
"""Weights in use take more than their file: buffers, the cache of keys and values, the library."""


def memory(weight_bytes: int) -> Json:
    """Return what weights of so many bytes take and what is free, in GiB."""
    needed = weight_bytes * HEADROOM
    free = available_bytes()
    gpus = _gpus()
    return {
        "needed_gib": round(needed / GIB, 2),
        "ram_gib": round(free / GIB, 2),
        **{name: round(size / GIB, 2) for name, size in gpus.items()},
        "fits": needed <= max([free, *gpus.values()]),
    }


def available_bytes() -> int:
    """Return the main memory that can be had without swapping."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return 0


def _gpus() -> dict[str, int]:
    import torch

    return {
        f"cuda:{index}_gib": torch.cuda.mem_get_info(index)[0]
        for index in range(torch.cuda.device_count())
    }
