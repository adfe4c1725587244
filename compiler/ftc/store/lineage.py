"""Which record made a thing, and what that was made from: every record at hand, by digest.

Read anew each time. An index that is kept could be wrong, and 2,000 records take half a second.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ftc.store.digests import Entry
from ftc.store.objects import Stored
from ftc.store.records import Record, decode_record, is_rehearsed
from ftc.store.store import Store

PREDICTIONS, SCORES = "predictions", "scores"
"""Kinds of artifact: what a model said, and how good that was."""
BESIDE = ".alt."
"""In the name of a record with other outputs than the one that stands for its key."""
MEASURED_ROLES = ("gguf", "adapter", "model")
"""Of what gives predictions: the first that there is is what they measure."""


class Maker(NamedTuple):
    """A record that made something, as an output or as a file of one."""

    record: Record
    output: str
    file: str | None = None
    """Path in the output, where that is a folder and a file of it is meant."""

    @property
    def stored(self) -> Stored:
        """Return the whole output."""
        return self.record.outputs[self.output]


class Lineage:
    """Looks digests and keys up in the records of some stores."""

    def __init__(
        self,
        stores: Sequence[Store],
        *,
        more: Iterable[Record] = (),
        names: Mapping[str, str] | None = None,
    ) -> None:
        """*more*: records that are known without a store, such as a remote's.

        *names*: key -> name of the stage, for keys that this project uses. Where several records
        made one digest, the story is told of one of those, else of the one that ran first.
        """
        self.stores = stores
        self.records: dict[str, Record] = {}
        self._names = names or {}
        self._makers: dict[str, list[Maker]] = {}
        self._readers: dict[str, list[Record]] = {}
        self._files: dict[str, list[tuple[str, str]]] | None = None
        """File -> each tree that has it, and its path there. Read when it is first asked for."""
        for record in (*(one for store in stores for one in _records(store)), *more):
            self._add(record)

    def name(self, record: Record) -> str:
        """Return its stage's name: the one here, that of its run, else its kind alone."""
        noted = record.facts.get("name") or record.preimage["kind"]
        return self._names.get(record.key, str(noted))

    def stands(self, record: Record) -> bool:
        """Say whether it is the one that builds take for its key."""
        return self.records[record.key].outputs == record.outputs

    def makers(self, digest: str) -> list[Maker]:
        """Return every maker of an output or of a file in one, the one to tell of first."""
        if self._files is None:
            self._files = self._files_of_trees()
        whole = list(self._makers.get(digest, ()))
        for tree, path in self._files.get(digest, ()):
            whole += [maker._replace(file=path) for maker in self._makers[tree]]
        return sorted(whole, key=self._rank)

    def maker(self, digest: str) -> Maker | None:
        """Return the one to tell of that made an output of this digest."""
        return min(self._makers.get(digest, ()), key=self._rank, default=None)

    def readers(self, digest: str) -> list[Record]:
        """Return the records that have it as an input."""
        return self._readers.get(digest, [])

    def digests(self) -> Collection[str]:
        """Return the digest of every output and of every file in one."""
        if self._files is None:
            self._files = self._files_of_trees()
        return self._makers.keys() | self._files.keys()

    def listing(self, stored: Stored) -> Mapping[str, Entry]:
        """Return the files of a tree, from the first store that has it; none without one."""
        for store in self.stores:
            try:
                return store.listing(stored)
            except (OSError, ValueError):
                continue
        return {}

    def place(self, stored: Stored) -> Store | None:
        """Return a store that has all of it."""
        return next((store for store in self.stores if store.holds(stored)), None)

    def scores(self, record: Record) -> list[tuple[Record, dict[str, float]]]:
        """Return what was measured of a record's outputs: the predictions' record, and means.

        Two models that say the same share one record of scores, but not that of what they said.
        """
        return [
            (predicted, means)
            for stored in record.outputs.values()
            for predicted in self._measuring(stored.digest)
            for scored in self._reading(predicted, PREDICTIONS)
            for name in _outputs_of(scored, SCORES)
            if (means := self._means(scored.outputs[name]))
        ]

    def _measuring(self, digest: str) -> Iterator[Record]:
        """Yield the predictions of just this: not those of an adapter on top of it.

        Those of a rehearsal, which are of a few rows, say nothing of it.
        """
        for reader in self.readers(digest):
            if is_rehearsed(reader.preimage):
                continue
            inputs = reader.preimage.get("inputs", {})
            measured = next((inputs[role] for role in MEASURED_ROLES if role in inputs), None)
            if measured == digest and _outputs_of(reader, PREDICTIONS):
                yield reader

    def _reading(self, record: Record, artifact: str) -> Iterator[Record]:
        for name in _outputs_of(record, artifact):
            yield from self.readers(record.outputs[name].digest)

    def _means(self, stored: Stored) -> dict[str, float]:
        store = self.place(stored)
        if store is None:
            return {}
        try:
            means: dict[str, float] = json.loads(store.path(stored).read_bytes())
        except (OSError, ValueError):
            return {}
        return means

    def _add(self, record: Record) -> None:
        known = self.records.setdefault(record.key, record)
        if known is not record and known.outputs == record.outputs:
            return  # the same in another store
        for name, stored in record.outputs.items():
            self._makers.setdefault(stored.digest, []).append(Maker(record, name))
        for digest in dict.fromkeys(record.preimage.get("inputs", {}).values()):
            self._readers.setdefault(digest, []).append(record)

    def _files_of_trees(self) -> dict[str, list[tuple[str, str]]]:
        files: dict[str, list[tuple[str, str]]] = {}
        for tree, makers in self._makers.items():
            if makers[0].stored.kind == "tree":
                for path, entry in self.listing(makers[0].stored).items():
                    files.setdefault(entry.digest, []).append((tree, path))
        return files

    def _rank(self, maker: Maker) -> tuple[bool, bool, str, str]:
        record = maker.record
        first = str(record.facts.get("started", "~"))
        return (maker.file is not None, record.key not in self._names, first, record.key)


def _records(store: Store) -> Iterator[Record]:
    """Yield every record, and after it those beside it. What is torn was never written."""
    folder = store.root / "ac"
    if not folder.is_dir():
        return
    for parent, _, names in os.walk(folder):
        for name in sorted(names, key=lambda name: (BESIDE in name, name)):
            try:
                yield decode_record(Path(parent, name).read_bytes())
            except (OSError, ValueError):
                continue


def _outputs_of(record: Record, artifact: str) -> list[str]:
    """The outputs of a kind of artifact."""
    kinds = record.preimage.get("outputs", {})
    return [name for name in record.outputs if kinds.get(name) == artifact]
