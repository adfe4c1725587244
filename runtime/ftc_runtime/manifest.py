"""Checkpoints that count only when they are whole. Light: `ftc status` looks at them too.

A stage that can go on keeps them under its working folder, as `checkpoints/checkpoint-<done>/`.
What each file of one must be stands in its `manifest.json`, which is written last: a checkpoint
without it, or with a file that is another, is what a crash left, and is removed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = "checkpoints"
MANIFEST = "manifest.json"
SCHEMA = 1


class Checkpoint(NamedTuple):
    """Work that is done and kept: *done* of *total* units."""

    folder: Path
    done: int
    total: int
    unit: str = "step"

    def __str__(self) -> str:
        """Return `step 40 of 60`."""
        return f"{self.unit} {self.done} of {self.total}"

    @property
    def size(self) -> int:
        """Return the bytes of its files."""
        return sum(file.stat().st_size for file in _files(self.folder))


def seal(folder: Path, *, done: int, total: int, unit: str = "step") -> Checkpoint:
    """Make the folder a checkpoint: bring its files to the disk, then write its manifest."""
    files = {}
    for file in _files(folder):
        files[file.relative_to(folder).as_posix()] = {
            "size": file.stat().st_size,
            "sha256": _digest(file),
        }
        _sync(file)
    for below in [path for path in folder.rglob("*") if path.is_dir()]:
        _sync(below)
    manifest = {"schema": SCHEMA, "done": done, "total": total, "unit": unit, "files": files}
    torn = folder / f"{MANIFEST}.part"
    torn.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    _sync(torn)
    torn.replace(folder / MANIFEST)
    _sync(folder)
    _sync(folder.parent)
    return Checkpoint(folder, done, total, unit)


def newest(work: Path) -> Checkpoint | None:
    """Return the newest checkpoint under a working folder, by the sizes of its files alone."""
    return next(_sealed(work, thorough=False), None)


def newest_whole(work: Path) -> Checkpoint | None:
    """Return the newest checkpoint whose every byte is as it was written; remove broken ones."""
    import shutil  # Slow to import, and `newest` stands on the way of `ftc status`.

    whole = list(_sealed(work, thorough=True))
    kept = {checkpoint.folder for checkpoint in whole}
    for folder in _folders(work):
        if folder not in kept:
            shutil.rmtree(folder, ignore_errors=True)
    return whole[0] if whole else None


def _sealed(work: Path, *, thorough: bool) -> Iterator[Checkpoint]:
    for folder in _folders(work):
        try:
            manifest = json.loads((folder / MANIFEST).read_bytes())
            if _holds(folder, manifest, thorough=thorough):
                yield Checkpoint(folder, manifest["done"], manifest["total"], manifest["unit"])
        except (OSError, ValueError, KeyError, TypeError):
            # No manifest, or none of ours: the folder does not count.
            continue


def _holds(folder: Path, manifest: dict[str, Any], *, thorough: bool) -> bool:
    if manifest["schema"] != SCHEMA:
        return False
    for name, wanted in manifest["files"].items():
        file = folder / name
        if file.stat().st_size != wanted["size"]:
            return False
        if thorough and _digest(file) != wanted["sha256"]:
            return False
    return True


def _folders(work: Path) -> list[Path]:
    """Return the folders of checkpoints, whole or not, the newest first."""
    try:
        folders = [path for path in (work / FOLDER).iterdir() if path.is_dir()]
    except OSError:
        return []
    return sorted(folders, key=_number, reverse=True)


def _number(folder: Path) -> int:
    number = folder.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else -1


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)


def _digest(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
