"""Makes sure that a stage's result is in the store: finds it there, or runs the stage."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from ftc.build.devices import Devices, Lent
from ftc.build.environment import stage_environment
from ftc.build.failures import failure_of, with_way_on
from ftc.build.interrupt import Interrupt
from ftc.build.outputs import faults_of, output_paths
from ftc.build.provenance import facts_of_run, facts_of_stage
from ftc.build.report import Reporter, StageFailure
from ftc.build.slots import Slots
from ftc.build.supervise import Ended, Job, supervise
from ftc.plan.freshness import State, Status
from ftc.plan.sources import Sources
from ftc.plan.stages import Stage
from ftc.store.locks import KeyLock
from ftc.store.objects import Stored
from ftc.store.records import Failure, Record
from ftc.store.store import Store
from ftc.store.supply import Supply, restore, said, said_of
from ftc_runtime.contract import SUFFIXES, Artifact, Source, StageSpec

Command: TypeAlias = Callable[[Path], list[str]]
"""The command that runs the stage whose spec lies at the path."""


def runtime_command(spec: Path) -> list[str]:
    """Return the command of a stage. `-P`: what lies in the working folder is not imported."""
    return [sys.executable, "-P", "-m", "ftc_runtime", str(spec)]


class StageFailed(Exception):
    """The stage has no result."""

    def __init__(self, failure: StageFailure) -> None:
        """Keep why."""
        super().__init__(failure.message)
        self.failure = failure


class Interrupted(Exception):
    """The build is to end, and the stage has not ended or not begun."""


@dataclass(frozen=True, slots=True)
class Input:
    """What a role is given, and the kind of artifact it is."""

    stored: Stored
    artifact: str


@dataclass(frozen=True, slots=True)
class Action:
    """A stage whose inputs are known: all that decides what comes out."""

    stage: Stage
    state: State
    """As it was when the inputs were known; *why* for the reporter."""
    key: str
    preimage: dict[str, Any]
    inputs: Mapping[str, Input]
    """Role -> what to read."""


class Compare(Protocol):
    """Holds what a run gave against what it was to give."""

    def __call__(self, action: Action, *, made: Record, stands: Record) -> Record:
        """Return the record to go on with; *stands* is what the store has under the key now.

        Raises:
            StageFailed: if nothing can be made of what came out.
        """


@dataclass(frozen=True, slots=True)
class Executor:
    """Runs actions for one project. May be used by several threads."""

    store: Store
    supply: Supply | None
    owner: str | None
    """Whose refs are set: the project's own name in the store. None: nobody's."""
    sources: Sources
    reporter: Reporter
    interrupt: Interrupt
    threads: int
    devices: Devices
    slots: Slots
    give_up: Callable[[], bool]
    """Whether nothing new is to start: after an interrupt, or a failure elsewhere."""
    command: Command = runtime_command
    afresh: Collection[str] = ()
    """Stages of whose earlier tries nothing is to be used."""
    compare: Compare | None = None
    """Says which record to go on with. Every action runs then, though its result may be here."""

    def ensure(self, action: Action) -> Record:
        """Return the record of the action, after fetching or running it where there was none.

        Raises:
            StageFailed: when its process, or what it wrote, is no good.
            SupplyFault: when the supply has not got what it said it had.
            Interrupted: when the build was asked to end.
        """
        found = self._restored(action)
        if found is not None:
            return found
        with KeyLock(self.store, action.key) as lock:
            locked = lock.acquire(
                waiting=lambda holder: self.reporter.stage_waiting(action.stage, holder),
                give_up=self.give_up,
            )
            if not locked:
                raise Interrupted
            return (
                self._restored(action) or self._fetched(action) or self._when_it_may(action, lock)
            )

    def ref_file(self, stage: Stage) -> Path | None:
        """Return where the stage's ref is, if refs are kept."""
        return self.store.ref_file(self.owner, stage.name) if self.owner else None

    def use(self, stage: Stage, key: str) -> None:
        """Note that the project uses the key's result, if refs are kept."""
        if self.owner is not None:
            self.store.set_ref(self.owner, stage.name, key)

    def _when_it_may(self, action: Action, lock: KeyLock) -> Record:
        """Build it once it has its GPUs, and then a place among those that run."""
        with (
            self.devices.lend(
                action.stage,
                waiting=lambda holder: self.reporter.stage_waiting(action.stage, holder),
                give_up=self.give_up,
            ) as lent,
            self.slots.one(urgent=action.stage.devices > 0, give_up=self.give_up) as got,
        ):
            if lent is None or not got:
                raise Interrupted
            return self._built(action, lock, lent)

    def _restored(self, action: Action) -> Record | None:
        record = self.store.record(action.key)
        if self.compare or record is None or not self.store.proven(record):
            return None
        self.use(action.stage, action.key)
        self.reporter.stage_restored(action.stage, "the store")
        return record

    def _fetched(self, action: Action) -> Record | None:
        record = action.state.record
        if action.state.status is not Status.REMOTE or record is None or self.supply is None:
            return None
        told = partial(self._tell_fetching, action.stage)
        restored = restore(self.store, self.supply, record, told=told)
        self.use(action.stage, action.key)
        origin = f"{restored.origin or 'the store'} ({said(restored.size)})"
        self.reporter.stage_restored(action.stage, origin)
        return record if self.compare else restored.record

    def _tell_fetching(self, stage: Stage, output: str, done: int, total: int) -> None:
        if self.interrupt.asked():
            raise Interrupted
        text = f"fetching {output}, {said_of(done, total)}"
        self.reporter.stage_event(stage, {"event": "phase", "text": text})

    def _built(self, action: Action, lock: KeyLock, lent: Lent) -> Record:
        self.reporter.stage_started(action.stage, action.state)
        started = time.time()
        try:
            self._look_at_inputs(action)
            ended = self._run(action, lock, lent)
            outputs = self._believed(action, ended)
        except StageFailed as failed:
            failure = with_way_on(failed.failure, action.stage, self.store.scratch(action.key))
            with suppress(OSError):  # the disk may be full, and that be the failure
                self.store.set_failure(
                    action.key, Failure(failure.message, failure.hint, round(time.time(), 3))
                )
            raise StageFailed(failure) from failed
        attempts = _attempts(self.store.work(action.key))
        facts = facts_of_run(
            ended, threads=self.threads, started=started, lent=lent, attempts=attempts
        )
        facts |= facts_of_stage(action.stage, action.state.found)
        made = Record(action.key, action.preimage, outputs, facts)
        record = self.store.publish(made)
        self.use(action.stage, action.key)
        self.store.forget_work(action.key)
        if self.compare:
            record = self.compare(action, made=made, stands=record)
        self.reporter.stage_finished(action.stage, ended.seconds, ended.facts)
        return record

    def _look_at_inputs(self, action: Action) -> None:
        """See that nothing happened to them since the build began."""
        for role, given in action.inputs.items():
            if not self.store.proves(given.stored):
                message = f"its input `{role}` was lost or damaged in the store meanwhile"
                raise StageFailed(StageFailure(message, "build again: it is made anew"))

    def _run(self, action: Action, lock: KeyLock, lent: Lent) -> Ended:
        """Run the process in a folder of the key's own."""
        work = self.store.work(action.key)
        goes_on = action.stage.resumes or (action.state.found and action.state.found.files)
        if not goes_on or action.stage.name in self.afresh:
            # What a crash left is not to be mixed in: only checkpoints count, and downloads.
            self.store.forget_work(action.key)
        spec = _prepare(self.store, action, work=work, threads=self.threads)
        job = Job(
            command=self.command(spec),
            folder=self.store.scratch(action.key),
            log=self.store.log(action.key),
            events=self.store.events(action.key),
            environment=stage_environment(
                os.environ,
                threads=self.threads,
                source=action.stage.source.uri if action.stage.source else None,
                visible=lent.visible,
            ),
            locks=(lock.fileno(), *lent.descriptors),
        )
        return supervise(
            job,
            interrupt=self.interrupt,
            tell=lambda event: self.reporter.stage_event(action.stage, event),
        )

    def _believed(self, action: Action, ended: Ended) -> dict[str, Stored]:
        """Put the outputs into the store, if nothing speaks against them."""
        log = self.store.log(action.key)
        if ended.code != 0:
            if self.interrupt.asked():
                raise Interrupted
            raise StageFailed(failure_of(ended, log))
        folder = self.store.work(action.key) / "out"
        faults = faults_of(folder, action.stage.outputs)
        if faults:
            message = "the stage ended well, and yet " + "; ".join(faults)
            raise StageFailed(StageFailure(message, log=log))
        self._compare_source(action)
        paths = output_paths(folder, action.stage.outputs)
        return {name: self.store.put(path) for name, path in paths.items()}

    def _compare_source(self, action: Action) -> None:
        """Refuse a result of which nobody can say what it was made from."""
        source, found = action.stage.source, action.state.found
        if source is None or found is None:
            return
        if self.sources.find(source).digest != found.digest:
            message = f"{source.uri} changed while the stage read it"
            raise StageFailed(StageFailure(message, "build again, and leave it alone meanwhile"))


def _prepare(store: Store, action: Action, *, work: Path, threads: int) -> Path:
    """Make the work folder with the stage's spec in it, and return the spec's path."""
    out = work / "out"
    for left in (work / "failed.json", work / "spec.json"):
        left.unlink(missing_ok=True)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    scratch = store.scratch(action.key)
    scratch.mkdir(exist_ok=True)
    (work / "attempts").write_text(f"{_attempts(work) + 1}\n", encoding="utf-8")
    spec = StageSpec(
        stage=action.stage.name,
        kind=action.stage.kind,
        key=action.key,
        params=action.stage.params,
        inputs={
            role: store.path(given.stored, SUFFIXES.get(Artifact(given.artifact), ""))
            for role, given in action.inputs.items()
        },
        digests={role: given.stored.digest for role, given in action.inputs.items()},
        source=_source(action),
        outputs=output_paths(out, action.stage.outputs),
        work=scratch,
        libraries=action.stage.libraries,
        threads=threads,
    )
    file = work / "spec.json"
    file.write_text(spec.model_dump_json(indent=1), encoding="utf-8")
    return file


def _attempts(work: Path) -> int:
    """Return how often the key was tried since its work folder was last empty."""
    try:
        return int((work / "attempts").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0


def _source(action: Action) -> Source | None:
    source, found = action.stage.source, action.state.found
    if source is None or found is None:
        return None
    return Source(uri=source.uri, path=found.path, revision=found.revision, files=dict(found.files))
