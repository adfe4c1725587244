"""Which stages a build has to look at: no more than what its targets are really made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ftc.plan.freshness import Freshness, State, Status
from ftc.plan.stages import Plan, Stage

HERE = (Status.FRESH, Status.CACHED)
AT_HAND = (*HERE, Status.REMOTE)


def needed(plan: Plan, states: Mapping[str, State], names: Iterable[str]) -> dict[str, Stage]:
    """Return the named stages, and before each that has no result at hand what it reads.

    So a result that is here, or can be fetched, needs no files of those before it: only their
    records, which its key was made from.
    """
    wanted: set[str] = set()
    stack = list(names)
    while stack:
        name = stack.pop()
        if name in wanted:
            continue
        wanted.add(name)
        if states[name].status not in AT_HAND:
            stack.extend(edge.stage for edge in plan.stages[name].inputs.values())
    return {name: stage for name, stage in plan.stages.items() if name in wanted}


def proven(freshness: Freshness, names: Iterable[str]) -> dict[str, Stage]:
    """Return what a build needs, as `needed`, with every byte that it relies on proven.

    Bytes are read only where they may have changed. A result that turns out damaged is none, and
    then what it was made from is needed too.
    """
    names = list(names)
    while True:
        stages = needed(freshness.plan, freshness.look(), names)
        states = [freshness.states[name] for name in stages]
        here = [s.record for s in states if s.status in HERE and s.record is not None]
        # All of them at once, so that everything damaged is found in one round.
        if all([freshness.store.proven(record) for record in here]):
            return stages


def unsettled(plan: Plan, states: Mapping[str, State], names: Iterable[str]) -> list[str]:
    """Return the stages that a build of *names* would do something about."""
    stages = needed(plan, states, names)
    return [name for name in stages if states[name].status is not Status.FRESH]
