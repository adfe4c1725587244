"""Which stages a build has to look at: no more than what its targets are really made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ftc.plan.freshness import State, Status
from ftc.plan.stages import Plan, Stage

AT_HAND = (Status.FRESH, Status.CACHED, Status.REMOTE)


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


def unsettled(plan: Plan, states: Mapping[str, State], names: Iterable[str]) -> list[str]:
    """Return the stages that a build of *names* would do something about."""
    stages = needed(plan, states, names)
    return [name for name in stages if states[name].status is not Status.FRESH]
