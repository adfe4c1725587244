"""Garbage: what no project uses any more. Found first, deleted only when that is asked for.

What leads to a record goes before it, and a record before its files: a collection that is killed
leaves a right store.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ftc.store import atomic
from ftc.store.care.marking import DAY_SECONDS, KEY, UNFINISHED_DAYS, Marked, files_of
from ftc.store.care.projects import forget, registered
from ftc.store.digests import PREFIX
from ftc.store.locks import KeyLock
from ftc.store.store import Store, key_of_ref

NO_RECORD = "of no record"
UNFINISHED = "unfinished work"
SMALL_THINGS = "logs, links and the like"


class Piece(NamedTuple):
    """A file or folder that goes. *size* is in bytes."""

    path: Path
    size: int
    kind: str
    """The kind of stage that made it, or what else it is."""
    key: str | None = None
    """The result that it belongs to."""


class Garbage(NamedTuple):
    """All that goes, in the order in which it goes."""

    rest: list[Piece]
    """Refs, links, work, logs, old quarantine."""
    records: list[Piece]
    dropped: list[str]
    """Keys of results whose records stay without some of their files."""
    files: list[Piece]

    def pieces(self) -> list[Piece]:
        """Return all of it."""
        return [*self.rest, *self.records, *self.files]


def garbage(store: Store, marked: Marked) -> Garbage:
    """Return what is not marked, and not young."""
    owners = {
        digest: (key, str(record.preimage["kind"]))
        for key, record in marked.records.items()
        for stored in record.outputs.values()
        for digest in files_of(store, stored)
    }
    files = list(_objects(store, marked, owners))
    gone = {PREFIX + piece.path.name for piece in files}
    dropped = [
        key
        for key in sorted(marked.kept)
        for stored in marked.records[key].outputs.values()
        if gone.intersection(files_of(store, stored))
    ]
    rest, records = list(_rest(store, marked)), list(_records(store, marked))
    return Garbage(rest, records, sorted(set(dropped)), files)


def delete(store: Store, found: Garbage) -> None:
    """Delete it. The store's lock must be held alone since before it was marked."""
    for piece in found.rest:
        if piece.key is None:
            _remove(store, piece.path)
        else:
            _delete_unlocked(store, piece, piece.key)
    for piece in found.records:
        piece.path.unlink(missing_ok=True)
    for folder in {piece.path.parent for piece in found.records}:
        atomic.sync(folder)
    for key in found.dropped:
        store.drop(key)
    for piece in found.files:
        piece.path.unlink(missing_ok=True)
    for project in registered(store):
        if project.is_gone():
            forget(store, project)


def _remove(store: Store, path: Path) -> None:
    """Remove a folder by way of another name, so that nobody finds half of it."""
    if path.is_dir() and not path.is_symlink():
        path = path.rename(atomic.temporary_in(store.root / "tmp"))
    atomic.remove_tree(path)


def _delete_unlocked(store: Store, piece: Piece, key: str) -> None:
    """Leave what the process of a killed build may still write to: it holds its key."""
    with KeyLock(store, key) as lock:
        if lock.acquire(give_up=lambda: True):
            atomic.remove_tree(piece.path)


def _records(store: Store, marked: Marked) -> Iterator[Piece]:
    """Yield the records that go; those that lost against another go with that one."""
    for file in sorted((store.root / "ac").glob("*/*.json")):
        key = file.name.partition(".")[0]
        if key not in marked.kept and file.stat().st_mtime <= marked.since:
            record = marked.records.get(key)
            kind = str(record.preimage["kind"]) if record else NO_RECORD
            yield Piece(file, file.stat().st_size, kind, key)


def _objects(store: Store, marked: Marked, owners: dict[str, tuple[str, str]]) -> Iterator[Piece]:
    for file in sorted((store.root / "objects").glob("*/*")):
        info = file.lstat()
        # Its ctime tells when it came: a rename keeps the mtime that its stage gave it.
        if PREFIX + file.name in marked.files or info.st_ctime > marked.since:
            continue
        key, kind = owners.get(PREFIX + file.name, (None, NO_RECORD))
        yield Piece(file, info.st_size, kind, key)


def _rest(store: Store, marked: Marked) -> Iterator[Piece]:
    root = store.root
    for folder in _old(root / "work", marked.since):
        if folder.name not in marked.work:
            key = folder.name if KEY.fullmatch(folder.name) else None
            yield Piece(folder, _size(folder), UNFINISHED, key)
    small = [
        *(ref for ref in _old(root / "refs", marked.since, "*/*") if _is_unused(ref, marked)),
        *(file for file in _old(root / "logs", marked.since) if _has_no_use(file, marked)),
        *(file for file in _old(root / "locks", marked.since) if _has_no_use(file, marked)),
        *(
            file
            for file in _old(root / "dropped", marked.since, "*/*")
            if _has_no_use(file, marked)
        ),
        *(view for view in _old(root / "trees", marked.since, "*/*") if _is_cut_off(view, marked)),
        *(view for view in _old(root / "views", marked.since) if not _shows(view, marked)),
        *_old(root / "tmp", marked.since),
        *_old(root / "quarantine", time.time() - UNFINISHED_DAYS * DAY_SECONDS),
    ]
    yield from (Piece(path, _size(path), SMALL_THINGS) for path in small)


def _has_no_use(file: Path, marked: Marked) -> bool:
    """Say whether a file that is named by a key is of no result that stays, and of no work."""
    key = file.name.partition(".")[0]
    return bool(KEY.fullmatch(key)) and key not in marked.kept and key not in marked.work


def _is_cut_off(view: Path, marked: Marked) -> bool:
    return PREFIX + view.name.partition(".")[0] not in marked.files


def _shows(view: Path, marked: Marked) -> bool:
    """Say whether all that a folder under `out/` links to stays."""
    try:
        outputs = json.loads((view / "record.json").read_bytes())["outputs"].values()
        return all(output["digest"] in marked.files for output in outputs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _is_unused(ref: Path, marked: Marked) -> bool:
    """Say whether a ref's record does not stay: of a stage or a project that is no more."""
    return key_of_ref(ref) not in marked.kept


def _old(folder: Path, since: float, pattern: str = "*") -> list[Path]:
    return [path for path in sorted(folder.glob(pattern)) if path.lstat().st_ctime <= since]


def _size(path: Path) -> int:
    below = path.rglob("*") if path.is_dir() and not path.is_symlink() else []
    return sum(file.lstat().st_size for file in (path, *below) if not file.is_dir())
