"""What there is of what a plan needs: memory to train in, and room for files."""

from __future__ import annotations

import os
from typing import NamedTuple

from ftc.plan.costs.memory import Device
from ftc.store.store import Store


class Capacity(NamedTuple):
    """Where a training runs, and how much memory there is in all."""

    device: Device
    total: int
    """Bytes."""


def free_disk(store: Store) -> int:
    """Return the bytes that are free where the store is, or will be."""
    place = store.root
    while not place.exists():
        place = place.parent
    filesystem = os.statvfs(place)
    return filesystem.f_bavail * filesystem.f_frsize
