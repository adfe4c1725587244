"""`ftc build --rebuild STAGE`: runs a stage again, and compares with what its first run gave."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ftc.build.engine import Outcome, build
from ftc.build.execute import Action, Command, runtime_command
from ftc.build.report import Reporter
from ftc.plan.freshness import Freshness, State, Status
from ftc.plan.stages import Stage
from ftc.store.objects import Stored
from ftc.store.records import Record
from ftc.store.store import Store

HEADER_LENGTH_BYTES = 8
PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Repetition:
    """One output of the second run beside the first's."""

    stage: str
    output: str
    first: Stored
    second: Stored
    where: str | None
    """Where they begin to differ; None if they do not."""


def rebuild(
    ours: Freshness,
    names: Iterable[str],
    *,
    reporter: Reporter,
    threads: int | None = None,
    command: Command = runtime_command,
    keep_refs: bool = True,
) -> tuple[Outcome, list[Repetition]]:
    """Run the named stages, which have a result, once more, and compare every output.

    The first record stands, whatever comes out; a second that differs is kept beside it.
    """
    again = _Again(ours, frozenset(names))
    compare = _Comparison(ours.store)
    outcome = build(
        again,
        again.names,
        reporter=reporter,
        threads=threads,
        command=command,
        keep_refs=keep_refs,
        compare=compare,
        afresh=again.names,
    )
    return outcome, compare.found


class _Again(Freshness):
    """As it is, but that the named stages have to run."""

    def __init__(self, ours: Freshness, names: frozenset[str]) -> None:
        super().__init__(ours.plan, ours.store, ours.sources, ours.owner, ours.supply)
        self.names = names

    def assess(self, stage: Stage) -> State:
        """Return how the stage stands; a named one is stale."""
        state = super().assess(stage)
        if stage.name not in self.names or state.known is None:
            return state
        return state._replace(status=Status.STALE, changes=(), note="run again, to compare")


class _Comparison:
    """Holds a second run's outputs against the first's."""

    def __init__(self, store: Store) -> None:
        self.found: list[Repetition] = []
        self._store = store

    def __call__(self, action: Action, *, made: Record, stands: Record) -> Record:
        """Note how the outputs compare, and go on with the record that stands."""
        first = action.state.record or stands
        for name, second in made.outputs.items():
            one = first.outputs[name]
            where = None if one == second else first_difference(self._store, one, second)
            self.found.append(Repetition(action.stage.name, name, one, second, where))
        return stands


def first_difference(store: Store, one: Stored, other: Stored) -> str:
    """Return where two results begin to differ: a file, and in it a tensor or a byte."""
    if not (store.holds(one) and store.holds(other)):
        return "the first run's files are not here"
    if one.kind == other.kind == "tree":
        first, second = store.listing(one), store.listing(other)
        name = min(n for n in first.keys() | second.keys() if first.get(n) != second.get(n))
        if name not in first or name not in second:
            return f"{name} is in one of them only"
        files = [
            store.path(Stored(entry.digest, entry.size, "file"))
            for entry in (first[name], second[name])
        ]
        return f"{name}, {_in_file(*files)}"
    return _in_file(store.path(one), store.path(other))


def _in_file(one: Path, other: Path) -> str:
    at = _first_byte(one, other)
    tensor = _tensor_at(one, at)
    return f"tensor {tensor}" if tensor else f"byte {at}"


def _first_byte(one: Path, other: Path) -> int:
    at = 0
    with one.open("rb") as first, other.open("rb") as second:
        while True:
            a, b = first.read(PIECE_BYTES), second.read(PIECE_BYTES)
            if a != b:
                same = (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
                return at + next(same, min(len(a), len(b)))
            if not a:
                return at
            at += len(a)


def _tensor_at(file: Path, at: int) -> str | None:
    """Name the tensor of a safetensors file that a byte belongs to."""
    with file.open("rb") as data:
        length = int.from_bytes(data.read(HEADER_LENGTH_BYTES), "little")
        begin = HEADER_LENGTH_BYTES + length
        if not HEADER_LENGTH_BYTES < begin <= min(at, file.stat().st_size):
            return None
        try:
            header = json.loads(data.read(length))
            for name, tensor in header.items():
                start, stop = tensor.get("data_offsets", (0, 0))
                if start <= at - begin < stop:
                    return str(name)
        except (ValueError, AttributeError, TypeError):
            return None
    return None
