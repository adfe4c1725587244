"""What ftc.lock and the plan say of each other: what is to be written, and what differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ftc.lockfile.lock import Content, Lock, LockedStage, MadeOn, address
from ftc.plan.explain import Change, changes
from ftc.plan.freshness import Freshness, State, Status
from ftc.plan.keys import key_of, preimage
from ftc.plan.sources import Sources
from ftc.plan.stages import Plan, Stage
from ftc.store.records import Record


class Difference(NamedTuple):
    """One stage of which the lock says something else."""

    stage: str
    changes: tuple[Change, ...] = ()
    note: str | None = None
    """What is to say beside the leaves, or in place of them."""


def updated(
    lock: Lock, plan: Plan, states: Mapping[str, State], names: Iterable[str], sources: Sources
) -> Lock:
    """Return the lock with what is known of the named stages, and without what the plan has not."""
    stages = {name: entry for name, entry in lock.stages.items() if name in plan.stages}
    contents = dict(lock.contents)
    for name in names:
        stage, record = plan.stages[name], states[name].known
        contents.update(_content(stage, sources))
        if record is not None:
            stages[name] = entry_of(stage, record, before=lock.stages.get(name))
    addresses = {
        address(stage.source.uri, stage.source.revision)
        for stage in plan.stages.values()
        if stage.source is not None
    }
    held = {library for entry in stages.values() for library in entry.preimage["libraries"]}
    versions = {
        library: version
        for stage in plan.stages.values()
        for library, version in stage.libraries.items()
    }
    return Lock(
        env={library: versions[library] for library in held if library in versions},
        pins={name: pin for name, pin in lock.pins.items() if name in addresses},
        contents={name: content for name, content in contents.items() if name in addresses},
        stages=stages,
    )


def entry_of(stage: Stage, record: Record, *, before: LockedStage | None) -> LockedStage:
    """Return what the lock says of a stage that gave *record*. *before* is what it said so far."""
    made_on = made_on_of(record.facts) if stage.reproduces != "exact" else MadeOn()
    entry = LockedStage(record.key, record.preimage, stage.reproduces, record.outputs, made_on)
    if before is not None and before._replace(made_on=made_on) == entry:
        # The same bytes again: who made them first stays in the lock, and git sees no change.
        return before
    return entry


def made_on_of(facts: Mapping[str, Any]) -> MadeOn:
    """Return what of a record's facts moves the last bits."""
    return MadeOn(
        facts.get("instruction_set"),
        facts.get("threads"),
        facts.get("aten_cpu_capability"),
        bool(facts.get("resumed")),
    )


def record_of(entry: LockedStage) -> Record:
    """Return the record that the lock tells of."""
    return Record(entry.key, entry.preimage, dict(entry.outputs), entry.made_on._asdict())


def differences(
    lock: Lock, plan: Plan, sources: Sources, names: Iterable[str]
) -> Iterator[Difference]:
    """Give each of the named stages whose key is another in the lock. Runs nothing.

    Every key can be told beforehand, since the lock holds the digests of what each stage reads.
    """
    for name in names:
        difference = _difference(lock, plan.stages[name], sources)
        if difference is not None:
            yield difference


def gone(lock: Lock, plan: Plan) -> Iterator[Difference]:
    """Give each stage of the lock that the plan has not."""
    for name in sorted(lock.stages.keys() - plan.stages.keys()):
        yield Difference(name, note="is in ftc.lock, and no longer in the project")


class LockedFreshness(Freshness):
    """Tells how stages stand as to ftc.lock, whatever else their keys gave on this machine."""

    def __init__(self, ours: Freshness, lock: Lock, *, resolves: bool = True) -> None:
        """*ours* is how they stand by themselves; all keys are those of *lock*.

        Unless it *resolves*, no source is looked at: then nothing of this can be run.
        """
        super().__init__(ours.plan, ours.store, ours.sources, ours.owner, ours.supply)
        self.lock = lock
        self._resolves = resolves

    def assess(self, stage: Stage) -> State:
        """Return whether the stage's locked outputs are here, can be fetched, or are to be made."""
        entry = self.lock.stages.get(stage.name)
        if entry is None:
            return State(stage.name, Status.PENDING, note="it is not in ftc.lock")
        record = record_of(entry)
        source = stage.source if self._resolves else None
        found = self.sources.find(source) if source is not None else None
        state = State(stage.name, Status.FRESH, record.key, record.preimage, record, found=found)
        if self.store.complete(record):
            return state
        if stage.reproduces == "exact" or not self._resolves:
            return state._replace(status=Status.ABSENT, note="run, to compare with ftc.lock")
        if self._supplies(record):
            return state._replace(status=Status.REMOTE)
        note = "it is neither here nor in a remote: run, to compare with ftc.lock"
        return state._replace(status=Status.ABSENT, note=note)

    def _supplies(self, record: Record) -> bool:
        """It must know the key still: what did not keep its promise is forgotten by key."""
        return (
            self.supply is not None
            and self.supply.record(record.key) is not None
            and all(map(self.supply.holds, record.outputs.values()))
        )


def _difference(lock: Lock, stage: Stage, sources: Sources) -> Difference | None:
    entry = lock.stages.get(stage.name)
    digests = _digests(lock, stage, entry)
    if stage.source is not None:
        found = sources.find(stage.source)
        if found.digest is None:
            note = found.problem or f"{stage.source.uri} is not pinned in ftc.lock"
            return Difference(stage.name, note=note)
        digests["source"] = found.digest
    image = preimage(stage, digests)
    if entry is None:
        return Difference(stage.name, note=_unknown(lock, key_of(image)))
    if key_of(entry.preimage) != entry.key:
        return Difference(stage.name, note="what ftc.lock says of it does not make up its key")
    if key_of(image) == entry.key:
        return None
    return Difference(stage.name, changes(entry.preimage, image, stage=stage))


def _digests(lock: Lock, stage: Stage, entry: LockedStage | None) -> dict[str, str]:
    """What the stage reads, as the lock has it of the stages before; else as it has it of this."""
    digests: dict[str, str] = {}
    for role, edge in stage.inputs.items():
        upstream = lock.stages.get(edge.stage)
        if upstream is not None and edge.output in upstream.outputs:
            digests[role] = upstream.outputs[edge.output].digest
        elif entry is not None and role in entry.preimage["inputs"]:
            digests[role] = entry.preimage["inputs"][role]
    return digests


def _unknown(lock: Lock, key: str) -> str:
    same = next((name for name, entry in lock.stages.items() if entry.key == key), None)
    return f"is not in ftc.lock, which calls it {same}" if same else "is not in ftc.lock"


def _content(stage: Stage, sources: Sources) -> Iterator[tuple[str, Content]]:
    if stage.source is None:
        return
    found = sources.find(stage.source)
    if found.path is not None and found.digest is not None:
        size = sources.digests.look(found.path).size()
        yield address(stage.source.uri, None), Content(found.digest, size)
