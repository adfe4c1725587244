"""Earlier runs in a store: what they worked on, how long it took, how much came out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ftc.store.records import Record, decode_record, is_rehearsed
from ftc.store.store import Store

MOST_RECORDS = 3000
"""The newest are read, no more: 2,000 took 0.15 s."""


class Run(NamedTuple):
    """One stage that ran."""

    kind: str
    spec: Mapping[str, Any]
    """Its settings, without defaults."""
    inputs: Mapping[str, str]
    """Role -> digest."""
    sizes: Mapping[str, int]
    """Output -> bytes."""
    seconds: float | None
    """None of a run that went on from a checkpoint: it did only a part of the work."""
    told: Mapping[str, Any]
    """What its process said of itself: rows, tokens, steps."""


class History(NamedTuple):
    """The runs, newest first, and what each output in the store is."""

    runs: list[Run]
    made: dict[str, tuple[Run, str]]
    """Digest -> the run that made it, and the output's name."""

    def size(self, digest: str | None) -> int | None:
        """Return the bytes of an output, if a run here made it."""
        found = self.made.get(digest or "")
        return found[0].sizes[found[1]] if found else None

    def maker(self, digest: str | None) -> Run | None:
        """Return the run that made an output."""
        found = self.made.get(digest or "")
        return found[0] if found else None


def read_history(store: Store) -> History:
    """Return the runs that the store's newest records tell of, without rehearsals.

    A rehearsal's run is short because it does little: it says nothing of how long the whole takes.
    """
    runs: list[Run] = []
    made: dict[str, tuple[Run, str]] = {}
    for record in _newest(store):
        run = run_of(record)
        if run is not None:
            runs.append(run)
            for name, stored in record.outputs.items():
                made.setdefault(stored.digest, (run, name))
    return History(runs, made)


def run_of(record: Record) -> Run | None:
    """Return what a record tells of its run; None for a rehearsal's or one without a time."""
    seconds = record.facts.get("seconds")
    if seconds is None or is_rehearsed(record.preimage):
        return None
    return Run(
        record.preimage["kind"],
        record.preimage["spec"],
        record.preimage["inputs"],
        {name: stored.size for name, stored in record.outputs.items()},
        None if record.facts.get("resumed") else float(seconds),
        record.facts.get("stage") or {},
    )


def _newest(store: Store) -> Iterator[Record]:
    files: list[tuple[float, str]] = []
    for folder in _entries(f"{store.root}/ac"):
        for entry in _entries(folder.path):
            # `<key>.alt.<n>.json` is a second result of a key, which nobody uses.
            if entry.name.count(".") == 1 and entry.name.endswith(".json"):
                files.append((entry.stat().st_mtime, entry.path))
    for _, path in sorted(files, reverse=True)[:MOST_RECORDS]:
        try:
            yield decode_record(Path(path).read_bytes())
        except (OSError, ValueError):
            continue


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
