"""Every byte of the store read again and held against its name; records, refs and links too."""

from __future__ import annotations

import os
import random
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ftc.store.care import projects
from ftc.store.care.marking import files_of
from ftc.store.digests import PREFIX, digest_of_file, in_parallel
from ftc.store.inodes import Identity
from ftc.store.objects import Stored
from ftc.store.proof import READ_ONLY
from ftc.store.records import decode_record
from ftc.store.store import Store, key_of_ref
from ftc.store.views import FOLDER as VIEWS
from ftc.store.views import fault_of_view

_HEX = re.compile(r"[0-9a-f]{64}")
KeyOf = Callable[[Mapping[str, Any]], str]


class Damage(NamedTuple):
    """Something in the store that is not what its name says, or is not there."""

    path: Path
    problem: str
    digest: str | None = None
    """For an object: what it ought to be."""
    mend: Literal["aside", "mode", "make"] = "aside"
    """How: move it aside, make it read-only again, or make it anew since it is lost."""


class Scope(NamedTuple):
    """How much is looked at: all of it, unless it says otherwise."""

    keys: frozenset[str] | None = None
    """Only these records and their files, and nothing else."""
    percent: float = 100.0
    """Of the objects; everything else is small."""


ALL = Scope()


def damages(
    store: Store, *, told: Callable[[int, int], None], key_of: KeyOf, scope: Scope = ALL
) -> list[Damage]:
    """Return what is damaged, objects first. *told* gets the bytes read so far and in all.

    *key_of* gives the key of a preimage.
    """
    objects = _objects(store, scope)
    sizes = [path.lstat().st_size for path in objects]
    total, read = sum(sizes), 0

    def look(number: int) -> Damage | None:
        nonlocal read
        found = _fault_of_object(store, objects[number])
        read += sizes[number]
        told(read, total)
        return found

    found = [fault for fault in in_parallel(look, range(len(objects))) if fault is not None]
    found += lost(store, scope)
    found += _faults_of_records(store, key_of, scope)
    if scope.keys is None:
        found += [*_faults_of_refs(store), *_faults_of_links(store)]
    return found


def lost(store: Store, scope: Scope = ALL) -> list[Damage]:
    """Return the objects that results ought to have and have not.

    What `ftc gc` took away is not lost.
    """
    found: dict[str, Damage] = {}
    for key, stored in _outputs(store, scope):
        if store.dropped_file(key).exists():
            continue
        for digest in files_of(store, stored):
            place = store.place(digest)
            if not os.path.lexists(place):
                found[digest] = Damage(place, "is lost", digest, "make")
    return list(found.values())


def users(store: Store, digest: str) -> list[str]:
    """Return the kinds of stage whose results have an object, as `sft.adapter`."""
    found: set[str] = set()
    for path in _files(store.root / "ac"):
        record = store.record(path.stem)
        for name, stored in record.outputs.items() if record else ():
            if digest in files_of(store, stored):
                found.add(f"{record.preimage['kind']}.{name}" if record else name)
    return sorted(found)


def _objects(store: Store, scope: Scope) -> list[Path]:
    found = sorted(_files(store.root / "objects"))
    if scope.keys is not None:
        wanted = {d for _, stored in _outputs(store, scope) for d in files_of(store, stored)}
        found = [path for path in found if PREFIX + path.name in wanted]
    count = -(-len(found) * scope.percent // 100)
    return sorted(random.sample(found, int(count))) if scope.percent < 100 else found


def _outputs(store: Store, scope: Scope) -> Iterator[tuple[str, Stored]]:
    for path in sorted(_files(store.root / "ac")):
        if scope.keys is None or path.stem in scope.keys:
            record = store.record(path.stem)
            for stored in record.outputs.values() if record else ():
                yield path.stem, stored


def _fault_of_object(store: Store, path: Path) -> Damage | None:
    if not _HEX.fullmatch(path.name) or path.parent.name != path.name[:2]:
        return Damage(path, "is no object")
    wanted, info, now = PREFIX + path.name, path.lstat(), time.time_ns()
    if not stat.S_ISREG(info.st_mode):
        return Damage(path, "is not a regular file", wanted)
    try:
        found = digest_of_file(path)
    except OSError as error:
        return Damage(path, f"cannot be read: {error.strerror}", wanted)
    store.inodes.remember({Identity.of(info): found}, read_at=now if found == wanted else None)
    if found != wanted:
        return Damage(path, f"its content is {found}", wanted)
    mode = stat.S_IMODE(info.st_mode)
    return None if mode == READ_ONLY else Damage(path, f"its mode is {mode:04o}", wanted, "mode")


def _faults_of_records(store: Store, key_of: KeyOf, scope: Scope) -> Iterator[Damage]:
    for path in sorted(_files(store.root / "ac")):
        key = path.name.partition(".")[0]
        if scope.keys is not None and key not in scope.keys:
            continue
        try:
            record = decode_record(path.read_bytes())
        except (OSError, ValueError):
            yield Damage(path, "is no whole record")
            continue
        if record.key != key:
            yield Damage(path, f"is of key {record.key}")
        elif key_of(record.preimage) != key:
            yield Damage(path, "its preimage is that of another key")


def _faults_of_refs(store: Store) -> Iterator[Damage]:
    for path in sorted(_files(store.root / "refs")):
        key = key_of_ref(path)
        if key is None:
            yield Damage(path, "is no whole ref")
        elif store.record(key) is None:
            yield Damage(path, f"there is no record of key {key}")
    for path in sorted(_files(store.root / "projects")):
        if projects.decode(path) is None:
            yield Damage(path, "is no whole project")


def _faults_of_links(store: Store) -> Iterator[Damage]:
    for view in sorted((store.root / "trees").glob("*/*")):
        if not store.shows(view):
            yield Damage(view, "does not show what its name says")
    for view in sorted((store.root / VIEWS).glob("*")):
        fault = fault_of_view(view)
        if fault:
            yield Damage(view, fault)


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)
