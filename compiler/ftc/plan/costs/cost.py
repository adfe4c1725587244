"""What a plan costs, before anything is spent: time, bytes, room, GPUs, memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ftc.plan.costs.capacity import Capacity, free_disk
from ftc.plan.costs.duration import Duration, Timed, duration, total
from ftc.plan.costs.expected import Expectation, size_of_source
from ftc.plan.costs.expected import total as total_size
from ftc.plan.costs.history import History, read_history
from ftc.plan.costs.memory import Memory, training_memory
from ftc.plan.costs.model_shape import Unknown
from ftc.plan.costs.work import has_measure, work_of
from ftc.plan.freshness import Freshness, State, Status
from ftc.plan.stages import Stage
from ftc.store.records import Record
from ftc.store.store import Store

RUNS = (
    Status.STALE,
    Status.PENDING,
    Status.UNRESOLVED,
    Status.RESUMABLE,
    Status.FAILED,
    Status.ABSENT,
)
"""States of which a stage has to run, as far as is known."""


class Cost(NamedTuple):
    """What one stage costs. None is what nobody knows."""

    stage: str
    seconds: Duration | None
    read: int | None
    """Bytes of its inputs and its source."""
    fetch: int | None
    """Bytes that come over the network; None if there are some and nobody says how many."""
    write: int | None
    devices: int
    memory: Memory | None = None
    note: str | None = None
    """Why there is no time, or no estimate of memory."""


class PlanCost(NamedTuple):
    """What a whole plan costs, and what there is."""

    stages: dict[str, Cost]
    free: int
    """Bytes on the store's filesystem."""
    capacity: Capacity

    def sum(self, what: str) -> int:
        """Return the known bytes of `read`, `fetch` or `write` over all stages."""
        return sum(getattr(cost, what) or 0 for cost in self.stages.values())

    def unknown(self, what: str) -> int:
        """Return how many stages there are of which `seconds`, `fetch` or `write` is not known."""
        return sum(getattr(cost, what) is None for cost in self.stages.values())

    @property
    def seconds(self) -> Duration | None:
        """Return how long the stages take one after the other, without the unknown ones."""
        return total([cost.seconds for cost in self.stages.values() if cost.seconds])

    @property
    def largest(self) -> int:
        """Return the most that one stage writes."""
        return max((cost.write or 0 for cost in self.stages.values()), default=0)

    @property
    def missing(self) -> int:
        """Return the bytes by which the results do not fit on the disk; 0 if they do."""
        return max(0, self.sum("write") + self.sum("fetch") - self.free)


def plan_cost(freshness: Freshness, names: Iterable[str], *, capacity: Capacity) -> PlanCost:
    """Return what it costs to build *names*, of which each is something to do."""
    teller = _Teller(freshness, read_history(freshness.store), capacity)
    stages = {name: teller.cost(name) for name in names}
    return PlanCost(
        {name: cost for name, cost in stages.items() if cost is not None},
        free_disk(freshness.store),
        capacity,
    )


class _Teller:
    def __init__(self, freshness: Freshness, history: History, capacity: Capacity) -> None:
        self._freshness = freshness
        self._history = history
        self._capacity = capacity
        self._expectation = Expectation(freshness, history)

    def cost(self, name: str) -> Cost | None:
        """None for a stage that neither runs nor is fetched."""
        stage, state = self._freshness.plan.stages[name], self._freshness.states[name]
        if state.status is Status.REMOTE and state.record is not None:
            fetched = _lacking(self._freshness.store, state.record)
            return Cost(name, None, read=0, fetch=fetched, write=0, devices=0)
        return self._run(stage, state) if state.status in RUNS else None

    def _run(self, stage: Stage, state: State) -> Cost:
        memory, unknown = self._memory(stage)
        seconds = self._seconds(stage)
        if seconds is not None and state.status is Status.RESUMABLE:
            # How much of it is left, the checkpoint alone knows.
            seconds = seconds._replace(low=0.0)
        return Cost(
            stage.name,
            seconds,
            read=self._read(stage),
            fetch=self._fetch(stage),
            write=total_size(self._expectation.of(stage).sizes),
            devices=stage.devices,
            memory=memory,
            note="; ".join(filter(None, (self._why_no_time(stage, seconds), unknown))) or None,
        )

    def _seconds(self, stage: Stage) -> Duration | None:
        given = self._expectation.given(stage)
        work = work_of(stage.kind, given)
        if work is None and has_measure(stage.kind):
            return None
        runs = []
        for run in self._history.runs:
            if run.kind == stage.kind and run.seconds is not None:
                then = self._expectation.given_to(run, stage)
                if then.family() == given.family():
                    runs.append(Timed(run.seconds, work_of(run.kind, then)))
        return duration(runs, work)

    def _why_no_time(self, stage: Stage, seconds: Duration | None) -> str | None:
        if seconds is not None:
            return None
        if any(run.kind == stage.kind for run in self._history.runs):
            return "no earlier run to compare with"
        return "no earlier run"

    def _read(self, stage: Stage) -> int | None:
        given = self._expectation.given(stage).sizes
        sizes = {role: given[role] for role in stage.inputs}
        if stage.source is not None:
            sizes["source"] = size_of_source(stage.source)
        return total_size(sizes) if sizes else 0

    def _fetch(self, stage: Stage) -> int | None:
        """A hub's files: as many bytes as came out of it before, if it was here before."""
        if stage.source is None or not stage.source.uri.startswith(("hf://", "ms://")):
            return 0
        return self._expectation.of(stage).sizes.get("model")

    def _memory(self, stage: Stage) -> tuple[Memory | None, str | None]:
        if stage.kind != "sft":
            return None, None
        at = self._freshness
        device = self._capacity.device
        try:
            memory = training_memory(at.plan, at.states, at.store, stage=stage, device=device)
            return memory, None
        except Unknown as unknown:
            return None, f"memory not known: {unknown}"


def _lacking(store: Store, record: Record) -> int:
    return sum(stored.size for stored in record.outputs.values() if not store.holds(stored))
