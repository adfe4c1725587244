"""The folders that `out/` points to: links to results, and `record.json`, which says of what."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from ftc.store.digests import PREFIX
from ftc.store.store import Store

FOLDER = "views"
RECORD_FILE = "record.json"


def view_of(store: Store, record: str, root: Path) -> Path:
    """Return where the view lies whose `record.json` is *record*, for the project in *root*."""
    whose = hashlib.sha256(str(root).encode()).hexdigest()[:12]
    return store.root / FOLDER / f"{_digest(record.encode())}-{whose}"


def fault_of_view(view: Path) -> str | None:
    """Return what is wrong with a view, if anything is."""
    try:
        data = (view / RECORD_FILE).read_bytes()
    except OSError:
        return f"has no {RECORD_FILE}"
    if _digest(data) != view.name.partition("-")[0]:
        return f"its {RECORD_FILE} is not what it was"
    outputs = json.loads(data)["outputs"].values()
    names = {output["digest"].removeprefix(PREFIX) for output in outputs}
    for path in sorted(view.rglob("*")):
        if path.is_symlink():
            goal = Path(os.path.normpath(path.parent / path.readlink()))
            if not names.intersection(part.partition(".")[0] for part in goal.parts):
                return f"{path.relative_to(view)} leads to {path.readlink()}"
            if not path.exists():
                return f"{path.relative_to(view)} leads to nothing"
        elif path.is_file() and path != view / RECORD_FILE:
            return f"{path.relative_to(view)} is no link"
    return None


def _digest(record: bytes) -> str:
    return hashlib.sha256(record).hexdigest()[:32]
