"""`ftc build --locked`: the artifacts that ftc.lock names, or the difference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ftc.build.engine import Outcome, build
from ftc.build.execute import Action, Command, StageFailed, runtime_command
from ftc.build.ready import hold_libraries
from ftc.build.report import Reporter, StageFailure
from ftc.lockfile.lock import Lock, MadeOn
from ftc.plan.freshness import Freshness
from ftc.plan.locked import LockedFreshness, made_on_of
from ftc.store.objects import Stored
from ftc.store.records import Record


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An output that did not come out as the lock has it."""

    stage: str
    output: str
    locked: Stored
    here: Stored
    reason: str


@dataclass(slots=True)
class LockedOutcome:
    """What a locked build did."""

    outcome: Outcome
    freshness: Freshness
    """How the stages stand now; the targets' records are those of the lock."""
    repeated: list[str] = field(default_factory=list)
    """Stages that were run, and came out as the lock has them."""
    mismatches: list[Mismatch] = field(default_factory=list)


def build_locked(
    ours: Freshness,
    lock: Lock,
    names: Iterable[str],
    *,
    reporter: Reporter,
    jobs: int = 1,
    keep_going: bool = False,
    threads: int | None = None,
    command: Command = runtime_command,
) -> LockedOutcome:
    """Bring the locked outputs of the named stages here, whose keys are those of *lock*.

    What is in the store is taken. Else an exact stage is run and compared; a seeded one is fetched
    by its digests, or where nobody has them run and compared.

    Raises:
        StageError: if a library that would be needed has another version than the lock says.
    """
    names = list(names)
    freshness = LockedFreshness(ours, lock)
    freshness.look()
    hold_libraries(freshness, names)
    compare = _Comparison(lock)
    outcome = build(
        freshness,
        names,
        reporter=reporter,
        jobs=jobs,
        keep_going=keep_going,
        threads=threads,
        command=command,
        compare=compare,
    )
    return LockedOutcome(outcome, freshness, compare.repeated, compare.mismatches)


class _Comparison:
    """Holds what a run gave against the lock."""

    def __init__(self, lock: Lock) -> None:
        self.repeated: list[str] = []
        self.mismatches: list[Mismatch] = []
        self._lock = lock

    def __call__(self, action: Action, *, made: Record, stands: Record) -> Record:
        """Return *made* if it is what the lock says: what *stands* may be this machine's own."""
        stage, entry = action.stage, self._lock.stages[action.stage.name]
        reason = why_it_differs(entry.made_on, made_on_of(made.facts), stage.reproduces)
        found = [
            Mismatch(stage.name, output, locked, made.outputs[output], reason)
            for output, locked in entry.outputs.items()
            if made.outputs[output] != locked
        ]
        if not found:
            self.repeated.append(stage.name)
            return made
        self.mismatches += found
        told = "; ".join(
            f"{one.output} is {one.here.digest[:19]}, ftc.lock says {one.locked.digest[:19]}"
            for one in found
        )
        raise StageFailed(StageFailure(f"{told}: {reason}"))


def why_it_differs(locked: MadeOn, here: MadeOn, reproduces: str) -> str:
    """Return what may have moved the bits of a stage: the hardware, a resumed run, or nothing."""
    if reproduces == "exact":
        return "this stage does not repeat itself here, and should anywhere: that is a bug of ftc"
    told = []
    if locked.instruction_set != here.instruction_set:
        told.append(
            f"it was made with {locked.instruction_set}, this one with {here.instruction_set}"
        )
    if locked.aten_cpu_capability != here.aten_cpu_capability:
        told.append(
            f"ATEN_CPU_CAPABILITY was {locked.aten_cpu_capability or 'not set'}, here it is "
            f"{here.aten_cpu_capability or 'not set'}"
        )
    if locked.threads != here.threads:
        told.append(f"it was made with {locked.threads} threads, this one with {here.threads}")
    if locked.resumed:
        told.append("it was resumed from a checkpoint")
    if here.resumed:
        told.append("this run was resumed from a checkpoint")
    return "; ".join(told) or "this stage does not repeat itself here"
