"""Which stages a build has to look at: no more than what its targets are really made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ftc.plan.freshness import Freshness, Status
from ftc.plan.stages import Edge, Stage
from ftc.store.objects import Stored

HERE = (Status.FRESH, Status.CACHED)
AT_HAND = (*HERE, Status.REMOTE)


def needed(freshness: Freshness, names: Iterable[str]) -> dict[str, Stage]:
    """Return the named stages, and before each that has no result at hand what it reads.

    So a result that is here, or can be fetched, needs no files of those before it: only their
    records, which its key was made from. Of a stage whose other files are gone, the one output
    that is read is enough.
    """
    plan, states = freshness.plan, freshness.states
    wanted: set[str] = set()
    stack = list(names)
    while stack:
        name = stack.pop()
        if name in wanted:
            continue
        wanted.add(name)
        if states[name].status not in AT_HAND:
            edges = plan.stages[name].inputs.values()
            stack.extend(edge.stage for edge in edges if not _left(freshness, edge))
    return {name: stage for name, stage in plan.stages.items() if name in wanted}


def _left(freshness: Freshness, edge: Edge) -> Stored | None:
    """The output, if it is here though not all that its stage has made."""
    state = freshness.states[edge.stage]
    if state.status in HERE or state.known is None:
        return None
    stored = state.known.outputs[edge.output]
    return stored if freshness.store.holds(stored) else None


def proven(freshness: Freshness, names: Iterable[str]) -> dict[str, Stage]:
    """Return what a build needs, as `needed`, with every byte that it relies on proven.

    Bytes are read only where they may have changed. A result that turns out damaged is none, and
    then what it was made from is needed too.
    """
    names = list(names)
    while True:
        freshness.look()
        stages = needed(freshness, names)
        # All of them at once, so that everything damaged is found in one round.
        if all([freshness.store.proves(stored) for stored in _relied_on(freshness, stages)]):
            return stages


def _relied_on(freshness: Freshness, stages: Mapping[str, Stage]) -> Iterator[Stored]:
    for name, stage in stages.items():
        state = freshness.states[name]
        if state.status in HERE and state.record is not None:
            yield from state.record.outputs.values()
        elif state.status not in AT_HAND:
            left = (_left(freshness, edge) for edge in stage.inputs.values())
            yield from (stored for stored in left if stored is not None)


def unsettled(freshness: Freshness, names: Iterable[str]) -> list[str]:
    """Return the stages that a build of *names* would do something about."""
    states = freshness.states
    return [name for name in needed(freshness, names) if states[name].status is not Status.FRESH]
