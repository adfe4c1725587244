"""ftc.lock: what sources and libraries were resolved to, and what was built from them.

Sorted, without times or hosts, the head ([env], [source]) first and then a block a stage: git
merges it, and it can be made again from the store. Here stands what `ftc status` asks of it; that
loads none of the modules below.
"""

from __future__ import annotations

import os
from pathlib import Path

FILE_NAME = "ftc.lock"


def has_lock(root: Path) -> bool:
    """Say whether there is one in *root*."""
    return os.path.isfile(os.path.join(root, FILE_NAME))  # noqa: PTH113, PTH118


def env_text(root: Path) -> bytes:
    """Return the [env] part of the lock in *root*, or nothing: the plan is made from it."""
    try:
        with open(os.path.join(root, FILE_NAME), "rb") as file:  # noqa: PTH118, PTH123
            text = file.read()
    except OSError:
        return b""
    start = text.find(b"\n[env]")
    end = text.find(b"\n[", start + 1)
    return b"" if start < 0 else text if end < 0 else text[:end]
