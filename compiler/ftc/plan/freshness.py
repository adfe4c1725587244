"""What is stale: one walk over the plan against the store. Runs nothing and never goes online."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from ftc.lockfile import has_lock
from ftc.plan.keys import key_of, preimage
from ftc.plan.sources import Found, Sources
from ftc.plan.stages import Plan, Stage
from ftc.store.digests import in_parallel
from ftc.store.records import Record, is_rehearsed
from ftc.store.store import Store

if TYPE_CHECKING:
    from ftc.lockfile.reading import LockedStages
    from ftc.plan.explain import Change
    from ftc.store.locks import Holder
    from ftc.store.supply import Supply
    from ftc_runtime.manifest import Checkpoint


QUESTIONS_AT_ONCE = 32
"""To a supply. A round trip takes 50 ms, and a plan may have a thousand stages."""


class Status(StrEnum):
    """How a stage stands."""

    FRESH = "fresh"
    """Its result is here, and the project uses it."""
    CACHED = "cached"
    """Its result is here from an earlier run: a build swings to it without work."""
    REMOTE = "remote"
    """What it gave is known, and a remote cache has it: a build fetches it if it is needed."""
    ABSENT = "absent"
    """What it gave is known, and its files are nowhere at hand. It runs only if they are needed."""
    STALE = "stale"
    """It has to run."""
    PENDING = "pending"
    """Something before it has to run first; it may yet turn out fresh."""
    UNRESOLVED = "unresolved"
    """Its source is not pinned or not here."""
    RUNNING = "running"
    RESUMABLE = "resumable"
    """It has to run, and goes on from a checkpoint."""
    FAILED = "failed"
    """It ran with just these inputs and settings and failed. A build tries again."""


class State(NamedTuple):
    """One stage as it stands."""

    stage: str
    status: Status
    key: str | None = None
    preimage: dict[str, Any] | None = None
    record: Record | None = None
    changes: tuple[Change, ...] = ()
    note: str | None = None
    """What else there is to say: why it is pending, unresolved or failed, who runs it."""
    waits_for: tuple[str, ...] = ()
    found: Found | None = None

    @property
    def known(self) -> Record | None:
        """The record of what it gives with these inputs and settings, if there is one.

        That is enough for the keys of the stages after it: its files may be elsewhere.
        """
        return self.record if self.status in KNOWN else None


KNOWN = (Status.FRESH, Status.CACHED, Status.REMOTE, Status.ABSENT)


class Freshness:
    """Answers for the stages of one plan. The build and `ftc status` both ask here."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        sources: Sources,
        owner: str,
        supply: Supply | None = None,
    ) -> None:
        """*owner* says whose refs: the project's own name in a store that several share.

        Without *supply* nothing but the store is asked, and nobody goes online.
        """
        self.plan = plan
        self.store = store
        self.sources = sources
        self.owner = owner
        self.supply = supply
        self.states: dict[str, State] = {}
        self._locked: LockedStages | None = None

    def look(self) -> dict[str, State]:
        """Return the state of every stage, in the plan's order."""
        self.states = {}
        self.sources.begin_look()
        if self.supply is not None:
            self._ask_in_waves()
            return self.states
        for stage in self.plan.stages.values():
            self.states[stage.name] = self.assess(stage)
        return self.states

    def _ask_in_waves(self) -> None:
        """Assess at once all stages whose inputs are assessed: each may wait for an answer."""
        waiting = dict(self.plan.stages)
        while waiting:
            wave = [
                stage
                for stage in waiting.values()
                if not any(edge.stage in waiting for edge in stage.inputs.values())
            ]
            for state in in_parallel(self.assess, wave, threads=QUESTIONS_AT_ONCE):
                self.states[state.stage] = state
                del waiting[state.stage]
        self.states = {name: self.states[name] for name in self.plan.stages}

    def assess(self, stage: Stage) -> State:
        """Return the state of one stage, from the states of those before it."""
        digests: dict[str, str] = {}
        waits_for: list[str] = []
        for role, edge in stage.inputs.items():
            upstream = self.states.get(edge.stage)
            if upstream is not None and (record := upstream.known) is not None:
                digests[role] = record.outputs[edge.output].digest
            else:
                waits_for.append(edge.stage)
        if waits_for:
            names = tuple(dict.fromkeys(waits_for))
            return State(stage.name, Status.PENDING, waits_for=names, note=", ".join(names))
        found = self.sources.find(stage.source) if stage.source is not None else None
        if found is not None:
            if found.digest is None:
                note = found.problem or f"{_uri(stage)} is not pinned yet: ftc build pins it"
                return State(stage.name, Status.UNRESOLVED, note=note, found=found)
            digests["source"] = found.digest
        return self._by_key(stage, digests, found)

    def _by_key(self, stage: Stage, digests: Mapping[str, str], found: Found | None) -> State:
        before_key = self.store.ref(self.owner, stage.name)
        image = preimage(stage, digests)
        key = key_of(image)
        record = self.store.record(key)
        if record is not None and self.store.complete(record):
            fresh = before_key in (None, key)
            status = Status.FRESH if fresh else Status.CACHED
            why = () if fresh else self._changes(stage, self._made(before_key), image)
            return State(stage.name, status, key, image, record, changes=why, found=found)
        before = self._made(before_key)
        why = self._changes(stage, before, image)
        record = record or (self.supply.record(key) if self.supply else None)
        if record is not None:
            status = Status.REMOTE if self._supplied(record) else Status.ABSENT
            note: str | None = (
                _size(record) if status is Status.REMOTE else "its files are not all here"
            )
            return State(
                stage.name, status, key, image, record, changes=why, note=note, found=found
            )
        if found is not None and found.problem:
            return State(stage.name, Status.UNRESOLVED, note=found.problem, found=found)
        if (now := self._holder(key)) is not None:
            note = f"by process {now.pid} on {now.host}"
            return State(
                stage.name, Status.RUNNING, key, image, changes=why, note=note, found=found
            )
        saved = self._saved(key) if stage.resumes else None
        if (failure := self.store.failure(key)) is not None:
            way_on = f"; goes on from {saved}" if saved else ""
            status, note = Status.FAILED, failure.message + way_on
        elif saved is not None:
            status, note = Status.RESUMABLE, f"goes on from {saved}"
        else:
            status, note = (
                Status.STALE,
                None if before else _missing(before_key, compared=bool(why)),
            )
        return State(stage.name, status, key, image, changes=why, note=note, found=found)

    def _holder(self, key: str) -> Holder | None:
        """Who builds the key now."""
        if not self.store.lock_file(key).exists():
            return None
        from ftc.store.locks import holder_of

        return holder_of(self.store, key)

    def _saved(self, key: str) -> Checkpoint | None:
        """The newest checkpoint of an earlier try."""
        scratch = self.store.scratch(key)
        if not scratch.is_dir():
            return None
        from ftc_runtime.manifest import newest

        return newest(scratch)

    def _supplied(self, record: Record) -> bool:
        return self.supply is not None and all(map(self.supply.holds, record.outputs.values()))

    def _made(self, key: str | None) -> Record | None:
        return self.store.record(key) if key else None

    def own_changes(self, stage: Stage) -> tuple[Change, ...]:
        """Return what differs in a stage itself, its inputs aside, which may not be known yet."""
        made = self._made(self.store.ref(self.owner, stage.name))
        old = self._before(stage, made)
        return self._changes(stage, made, preimage(stage, old["inputs"])) if old else ()

    def _changes(
        self, stage: Stage, made: Record | None, image: Mapping[str, Any]
    ) -> tuple[Change, ...]:
        old = self._before(stage, made)
        if old is None:
            return ()
        from ftc.plan.explain import changes  # nothing to explain while all is fresh

        return changes(old, image, stage=stage)

    def _before(self, stage: Stage, made: Record | None) -> dict[str, Any] | None:
        """What the project used last, *made*, else what ftc.lock says of the stage."""
        if made is not None:
            return made.preimage
        if not has_lock(self.plan.root):
            return None
        from ftc.lockfile.reading import LockedStages

        if is_rehearsed({"spec": stage.semantic}):
            return None
        if self._locked is None:
            self._locked = LockedStages(self.plan.root)
        locked = self._locked.get(stage.name)
        return locked.preimage if locked else None


def _size(record: Record) -> str:
    from ftc.store.supply import said

    return said(sum(stored.size for stored in record.outputs.values()))


def ends(states: Mapping[str, State], stage: str) -> list[str]:
    """Return where the chains end that a pending stage waits for: what has to run in any case."""
    stack, seen = [stage], {stage}
    while stack:
        waits_for = set(states[stack.pop()].waits_for) - seen
        seen |= waits_for
        stack += [name for name in waits_for if states[name].status is Status.PENDING]
    return [
        name
        for name, state in states.items()
        if name in seen - {stage} and state.status is not Status.PENDING
    ]


def _missing(before_key: str | None, *, compared: bool) -> str:
    words = "its record is gone from the store" if before_key else "never built"
    return f"{words} here: compared with ftc.lock" if compared else words


def _uri(stage: Stage) -> str:
    return stage.source.uri if stage.source else stage.name
