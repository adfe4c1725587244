"""Builds stages: every one that is not fresh, after those that it needs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from ftc.build.devices import Devices
from ftc.build.execute import (
    Action,
    Command,
    Compare,
    Executor,
    Input,
    Interrupted,
    StageFailed,
    runtime_command,
)
from ftc.build.interrupt import Interrupt
from ftc.build.provenance import usable_processors
from ftc.build.report import Guarded, Reporter, StageFailure
from ftc.build.run_file import RunFile
from ftc.build.scheduler import Step, run_steps
from ftc.build.slots import Slots
from ftc.diagnostics import ProjectError
from ftc.plan.freshness import Freshness, State, Status
from ftc.plan.needed import AT_HAND, HERE, proven
from ftc.plan.stages import Stage
from ftc.store.locks import relying_on
from ftc.store.records import Record
from ftc.store.supply import SupplyFault

MOST_WAITING = 64
"""How many stages may wait for GPUs beside those that run."""


@dataclass(slots=True)
class Outcome:
    """What a build did, by names of stages."""

    records: dict[str, Record] = field(default_factory=dict)
    """Those that have their result now, however they came by it."""
    fresh: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    """Run or restored."""
    failed: dict[str, StageFailure] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    """Not begun, or not ended: because of a failure or an interrupt."""
    interrupted: bool = False

    @property
    def code(self) -> int:
        """Return the exit code: 0 done, 1 a stage failed, 130 interrupted."""
        return 130 if self.interrupted else 1 if self.failed else 0


def build(
    freshness: Freshness,
    names: Iterable[str],
    *,
    reporter: Reporter,
    jobs: int = 1,
    keep_going: bool = False,
    threads: int | None = None,
    command: Command = runtime_command,
    keep_refs: bool = True,
    compare: Compare | None = None,
    reading: Callable[[int, int], None] = lambda done, total: None,
    afresh: Collection[str] = (),
) -> Outcome:
    """Build the named stages and all that they need.

    What is here, or in the supply of *freshness*, is used without the files of what it was made
    from. Without *keep_refs* the project goes on using what it used before. Stages named in
    *afresh* do not go on from what an earlier try left. With *compare* what is not fresh runs,
    though its result may be here, and is held against what it should be.

    One stage runs at a time unless *jobs* says more, since each may use all *threads*: every
    usable processor, however many jobs there are, for their number moves the last bits of a
    training, and how a build was started must not. *reading* is told how many bytes of sources
    that nobody has read before are read, and of how many.

    Raises:
        ProjectError: before anything runs, if a stage needs more GPUs than there are.
    """
    names = list(names)
    sources = (stage.source for stage in freshness.plan.closure(names).values())
    freshness.sources.read((source for source in sources if source), told=reading)
    interrupt = Interrupt()
    outcome = Outcome()
    guarded = Guarded(RunFile(freshness.store, reporter))
    executor = Executor(
        store=freshness.store,
        supply=freshness.supply,
        owner=freshness.owner if keep_refs else None,
        sources=freshness.sources,
        reporter=guarded,
        interrupt=interrupt,
        threads=threads or usable_processors(),
        devices=Devices(os.environ),
        slots=Slots(jobs),
        give_up=lambda: interrupt.asked() or bool(outcome.failed and not keep_going),
        command=command,
        afresh=afresh,
        compare=compare,
    )
    builder = _Builder(freshness, executor, outcome)
    stages = builder.run(names, jobs=jobs, keep_going=keep_going)
    outcome.interrupted = interrupt.asked()
    outcome.left_out = [name for name in stages if name not in outcome.records | outcome.failed]
    guarded.up_to_date([freshness.plan.stages[name] for name in outcome.fresh])
    if bug := builder.bug or guarded.fault:
        raise bug
    return outcome


def _threads(jobs: int, stages: Iterable[Stage]) -> int:
    """Return how many stages may run or wait: a wait for a GPU is to hold up no other stage."""
    if jobs == 1:
        return 1
    return jobs + min(MOST_WAITING, sum(stage.devices > 0 for stage in stages))


class _Builder:
    """The steps of one build. doit asks for freshness in the main thread, and works in others."""

    def __init__(self, freshness: Freshness, executor: Executor, outcome: Outcome) -> None:
        self.outcome = outcome
        self.bug: Exception | None = None
        """What no stage can be blamed for. It ends the build, and is raised after it."""
        self._freshness = freshness
        self._executor = executor
        self._errors: dict[str, Exception] = {}
        """What went wrong in a check."""
        self._proven: set[str] = set()
        """Keys whose results were held against their digests as the round began."""
        self._again = True
        self._busy = 0
        self._idle = threading.Condition()

    def run(self, names: list[str], *, jobs: int, keep_going: bool) -> dict[str, Stage]:
        """Do all that the named stages need, and return what that was."""
        stages: dict[str, Stage] = {}
        interrupt = self._executor.interrupt
        with relying_on(self._freshness.store), interrupt.signals():
            # Again only after a supply did not keep its promise: other stages are needed then.
            while self._begins():
                stages = proven(self._freshness, names)
                states = map(self._freshness.states.__getitem__, stages)
                self._proven = {s.key for s in states if s.key and s.status in HERE}
                self._refuse_shortage(stages)
                try:
                    with interrupt.raising():
                        at_once = _threads(jobs, stages.values())
                        run_steps(self._steps(stages), threads=at_once, keep_going=keep_going)
                except KeyboardInterrupt:
                    self._wait_until_idle()
        return stages

    def _begins(self) -> bool:
        """Say whether there is a round to do: the first, or one after a broken promise."""
        again = self._again and not self.outcome.failed and not self._executor.interrupt.asked()
        self._again = False
        return again

    def _refuse_shortage(self, stages: Mapping[str, Stage]) -> None:
        """Fail at once, rather than after hours, where a stage can never have its GPUs."""
        states = self._freshness.states
        self._executor.devices.refuse(
            [stage for name, stage in stages.items() if states[name].status not in AT_HAND]
        )

    def _steps(self, stages: Mapping[str, Stage]) -> list[Step]:
        """Return the stages as things to do, each after those of them that it reads."""
        return [self._step(stage, among=stages) for stage in stages.values()]

    def _step(self, stage: Stage, *, among: Mapping[str, Stage]) -> Step:
        return Step(
            name=stage.name,
            after=sorted({edge.stage for edge in stage.inputs.values()} & among.keys()),
            is_fresh=lambda: self._is_fresh(stage),
            do=lambda: self._do(stage),
            target=self._executor.ref_file(stage),
        )

    def _wait_until_idle(self) -> None:
        """Wait until the threads have ended their processes, or should have."""
        with self._idle:
            asked_at = time.monotonic()
            while self._busy and not self._executor.interrupt.is_over(asked_at):
                self._idle.wait(timeout=0.5)

    def _is_fresh(self, stage: Stage) -> bool:
        try:
            state = self._state_now(stage)
            if state.status is not Status.FRESH or state.key is None or state.record is None:
                return False
            if state.key not in self._proven and not self._executor.store.proven(state.record):
                return False
            # A stage under a new name is fresh before anything refers to it.
            self._executor.use(stage, state.key)
        except Exception as error:
            # doit would end the whole build here. The step itself tells of it.
            self._errors[stage.name] = error
            return False
        self.outcome.records[stage.name] = state.record
        if stage.name not in self.outcome.made:
            self.outcome.fresh.append(stage.name)
        return True

    def _state_now(self, stage: Stage) -> State:
        """Return how a stage stands, now that those before it are done."""
        state = self._freshness.states[stage.name]
        made = self.outcome.made
        if state.key in self._proven and not any(e.stage in made for e in stage.inputs.values()):
            # Nothing that its key is made from has moved since the round began.
            return state
        state = self._freshness.assess(stage)
        self._freshness.states[stage.name] = state
        return state

    def _action(self, stage: Stage) -> Action:
        """Return what is to be done, as the check has found it."""
        if stage.name in self._errors:
            raise self._errors[stage.name]
        state = self._freshness.states[stage.name]
        if state.found is not None and state.found.problem and state.status not in AT_HAND:
            raise StageFailed(StageFailure(state.found.problem))
        if state.key is None or state.preimage is None:
            raise StageFailed(StageFailure(state.note or "its inputs are not known"))
        inputs = {}
        for role, edge in stage.inputs.items():
            record = self._freshness.states[edge.stage].known
            if record is None:
                raise StageFailed(StageFailure(f"{edge.stage} has no result"))
            artifact = self._freshness.plan.stages[edge.stage].outputs[edge.output]
            inputs[role] = Input(record.outputs[edge.output], artifact)
        return Action(stage, state, state.key, state.preimage, inputs)

    def _do(self, stage: Stage) -> bool:
        with self._working():
            try:
                if not self._executor.give_up():
                    self._keep(stage, self._executor.ensure(self._action(stage)))
                    return True
            except StageFailed as failed:
                self._fail(stage, failed.failure)
            except Interrupted:
                return False
            except SupplyFault as fault:
                self._do_without(stage, fault)
                return False
            except ProjectError as error:
                self._fail(stage, StageFailure(str(error)))
            except OSError as error:
                place = f": {error.filename}" if error.filename else ""
                self._fail(stage, StageFailure(f"{error.strerror or error}{place}"))
            except Exception as error:
                self.bug = self.bug or error
        return False

    def _keep(self, stage: Stage, record: Record) -> None:
        """Let the stages after it see its result."""
        self.outcome.records[stage.name] = record
        self.outcome.made.append(stage.name)
        self._freshness.states[stage.name] = State(
            stage.name, Status.FRESH, record.key, record.preimage, record
        )

    def _do_without(self, stage: Stage, fault: SupplyFault) -> None:
        """Forget what a supply promised of the stage, and have another round without that."""
        state = self._freshness.states[stage.name]
        if self._freshness.supply is not None and state.key is not None:
            self._freshness.supply.forget(state.key)
        warning = {"event": "warning", "text": f"{fault.message}; it is made here instead"}
        self._executor.reporter.stage_event(stage, warning)
        self._again = True

    def _fail(self, stage: Stage, failure: StageFailure) -> None:
        self.outcome.failed[stage.name] = failure
        self._executor.reporter.stage_failed(stage, failure)

    @contextmanager
    def _working(self) -> Iterator[None]:
        with self._idle:
            self._busy += 1
        try:
            yield
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()
