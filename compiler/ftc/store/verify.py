"""Every byte of the store read again and held against its name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ftc.store import atomic
from ftc.store.digests import PREFIX, digest_of_file, in_parallel
from ftc.store.objects import Stored
from ftc.store.records import decode_record
from ftc.store.store import Store


class Damage(NamedTuple):
    """Something in the store that is not what its name says."""

    path: Path
    problem: str
    digest: str | None = None
    """For an object: what it ought to be."""


def damages(store: Store, *, told: Callable[[int, int], None]) -> list[Damage]:
    """Return what is damaged, objects first. *told* gets the bytes read so far and in all."""
    objects = sorted(_files(store.root / "objects"))
    sizes = [path.stat().st_size for path in objects]
    read = 0

    def look(number: int) -> Damage | None:
        nonlocal read
        found = _fault_of_object(objects[number])
        read += sizes[number]
        told(read, sum(sizes))
        return found

    faults = in_parallel(look, range(len(objects)))
    records = (_fault_of_record(path) for path in sorted(_files(store.root / "ac")))
    return [fault for fault in (*faults, *records) if fault is not None]


def quarantine(store: Store, damage: Damage) -> Path:
    """Move it out of the way, so that the next build makes it anew. Return where it is now.

    It is kept: what became of a byte can be worth a look.
    """
    aside = store.root / "quarantine" / damage.path.relative_to(store.root)
    atomic.make_folder(aside.parent)
    damage.path.replace(aside)
    return aside


def users(store: Store, digest: str) -> list[str]:
    """Return the kinds of stage whose results have an object, as `sft.adapter`."""
    found: set[str] = set()
    for path in _files(store.root / "ac"):
        record = store.record(path.stem)
        if record is None:
            continue
        for name, stored in record.outputs.items():
            in_tree = stored.kind == "tree" and digest in _parts(store, stored)
            if digest == stored.digest or in_tree:
                found.add(f"{record.preimage['kind']}.{name}")
    return sorted(found)


def _parts(store: Store, stored: Stored) -> set[str]:
    """The digests of a tree's files; none where its listing is what is damaged."""
    try:
        return {entry.digest for entry in store.listing(stored).values()}
    except (OSError, ValueError):
        return set()


def _fault_of_object(path: Path) -> Damage | None:
    wanted = PREFIX + path.name
    try:
        found = digest_of_file(path)
    except OSError as error:
        return Damage(path, f"cannot be read: {error.strerror}", wanted)
    return None if found == wanted else Damage(path, f"its content is {found}", wanted)


def _fault_of_record(path: Path) -> Damage | None:
    try:
        record = decode_record(path.read_bytes())
    except (OSError, ValueError):
        return Damage(path, "is no whole record")
    return None if path.name.startswith(record.key) else Damage(path, f"is of key {record.key}")


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)
