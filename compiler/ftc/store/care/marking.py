"""Marks what stays in a store: records, the files of some of their outputs, unfinished work."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ftc.store.care.roots import Root
from ftc.store.locks import holder_of
from ftc.store.objects import Stored
from ftc.store.records import Record
from ftc.store.store import Store

DAY_SECONDS = 24 * 3600.0
UNFINISHED_DAYS = 14
KEY = re.compile(r"[0-9a-f]{64}")


class Marked(NamedTuple):
    """What stays, and what there is."""

    records: dict[str, Record]
    """Every record of the store, by key."""
    kept: set[str]
    """Keys whose records stay."""
    files: set[str]
    """Digests whose objects stay."""
    work: set[str]
    """Keys whose work folders stay."""
    since: float
    """What is newer than this stays anyhow, in seconds since 1970."""


def mark(store: Store, roots: Sequence[Root], *, grace_seconds: float) -> Marked:
    """Return what stays: the roots, what they were made from, and what is young or running."""
    since = time.time() - grace_seconds
    files_of_records = dict(_record_files(store))
    records = {key: record for key in files_of_records if (record := store.record(key)) is not None}
    young = [key for key in records if files_of_records[key].stat().st_mtime > since]
    work = {key for key in _keys(store.root / "work") if _is_wanted(store, key, records, since)}
    running = [key for key in records if holder_of(store, key) is not None]
    wanted = [*roots, *(Root(key) for key in (*young, *running, *work))]
    files: set[str] = set()
    for root in wanted:
        if root.key in records:
            files.update(_files(store, records[root.key], root.outputs))
    kept = _with_ancestors(records, {root.key for root in wanted}, files_of_records)
    return Marked(records, kept, files, work, since)


def files_of(store: Store, stored: Stored) -> list[str]:
    """Return the digests of the objects that hold it: of a tree its listing and its files."""
    if stored.kind == "file":
        return [stored.digest]
    try:
        return [stored.digest, *(file.digest for file in store.listing(stored).values())]
    except (OSError, ValueError):
        return [stored.digest]


def newest_change(folder: Path) -> float:
    """Return when anything in a folder last changed, in seconds since 1970."""
    return max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))


def _files(store: Store, record: Record, outputs: frozenset[str] | None) -> Iterator[str]:
    for name, stored in record.outputs.items():
        if outputs is None or name in outputs:
            yield from files_of(store, stored)


def _with_ancestors(
    records: dict[str, Record], keys: set[str], files_of_records: dict[str, Path]
) -> set[str]:
    """Add for each input a record that tells where it came from, so that `why` and `show` can."""
    makers: dict[str, list[str]] = defaultdict(list)
    for key, record in records.items():
        for stored in record.outputs.values():
            makers[stored.digest].append(key)
    kept = keys & records.keys()
    stack = sorted(kept)
    while stack:
        for digest in records[stack.pop()].preimage["inputs"].values():
            found = makers.get(digest, [])
            if found and not kept.intersection(found):
                newest = max(found, key=lambda key: (files_of_records[key].stat().st_mtime, key))
                kept.add(newest)
                stack.append(newest)
    return kept


def _is_wanted(store: Store, key: str, records: dict[str, Record], since: float) -> bool:
    """Say whether a work folder may yet be of use: to a running stage, or to one that goes on."""
    if holder_of(store, key) is not None:
        return True
    changed = newest_change(store.work(key))
    oldest = since if key in records else time.time() - UNFINISHED_DAYS * DAY_SECONDS
    return changed > oldest


def _record_files(store: Store) -> Iterator[tuple[str, Path]]:
    for file in (store.root / "ac").glob("*/*.json"):
        if KEY.fullmatch(file.stem):
            yield file.stem, file


def _keys(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*") if KEY.fullmatch(path.name)]
