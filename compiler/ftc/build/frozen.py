"""`ftc build --frozen`: the locked outputs of targets, by their digests alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ftc.lockfile.lock import Lock
from ftc.plan.freshness import Freshness, State, Status
from ftc.plan.locked import record_of
from ftc.plan.stages import Edge, Target
from ftc.store.objects import Stored
from ftc.store.records import Record
from ftc.store.supply import SupplyFault

Told = Callable[[str, int, int], None]
"""Told of a fetch: which output, bytes so far, bytes in all."""


@dataclass(frozen=True, slots=True)
class Missing:
    """An output that is nowhere."""

    stage: str
    output: str
    digest: str | None
    """None where the lock does not know of it."""
    problem: str


class NotAtHand(Exception):
    """Something that the lock names can be had nowhere."""

    def __init__(self, missing: list[Missing]) -> None:
        """Keep all that is missing."""
        super().__init__(f"{len(missing)} outputs are missing")
        self.missing = missing


def take_frozen(
    freshness: Freshness, lock: Lock, targets: Iterable[Target], *, told: Told
) -> dict[str, str]:
    """Bring what *targets* show into the store; return `stage (output)` -> from where it came.

    Nothing is resolved, compared or run, and of the stages before only the records are kept.
    Afterwards `freshness.states` has the targets' stages as the lock has them.

    Raises:
        NotAtHand: with everything that neither the store nor a remote has.
    """
    targets = list(targets)
    edges = dict.fromkeys(edge for target in targets for edge in target.links.values())
    missing: list[Missing] = []
    origins: dict[str, str] = {}
    for edge in edges:
        try:
            origins[f"{edge.stage} ({edge.output})"] = _taken(freshness, lock, edge, told=told)
        except _Nowhere as nowhere:
            missing.append(nowhere.missing)
    if missing:
        raise NotAtHand(missing)
    _keep_records(freshness, lock, {edge.stage for edge in edges})
    return origins


class _Nowhere(Exception):
    def __init__(self, missing: Missing) -> None:
        super().__init__(missing.problem)
        self.missing = missing


def _taken(freshness: Freshness, lock: Lock, edge: Edge, *, told: Told) -> str:
    """Bring one output here, and return from where."""
    entry = lock.stages.get(edge.stage)
    stored = entry.outputs.get(edge.output) if entry else None
    if stored is None:
        problem = "it is not in ftc.lock: `ftc build` or `ftc lock` writes it there"
        raise _Nowhere(Missing(edge.stage, edge.output, None, problem))
    if freshness.store.proves(stored):
        return "the store"
    if freshness.supply is None:
        problem = f"it is not in {freshness.store.root}, and there is no remote"
        raise _Nowhere(Missing(edge.stage, edge.output, stored.digest, problem))
    return _fetched(freshness, edge, stored, told=told)


def _fetched(freshness: Freshness, edge: Edge, stored: Stored, *, told: Told) -> str:
    supply = freshness.supply
    problem = f"it is neither in {freshness.store.root} nor in a remote"
    try:
        if supply is not None and supply.holds(stored):
            return supply.fetch(stored, lambda done, total: told(str(edge.stage), done, total))
    except SupplyFault as fault:
        problem = fault.message
    raise _Nowhere(Missing(edge.stage, edge.output, stored.digest, problem))


def _keep_records(freshness: Freshness, lock: Lock, shown: set[str]) -> None:
    """Note what the lock says of the targets and of all before them."""
    store = freshness.store
    for name in freshness.plan.closure(shown):
        entry = lock.stages.get(name)
        if entry is None:
            continue
        record = _with_facts(freshness, record_of(entry))
        store.publish(record)
        if name in shown:
            store.set_ref(freshness.owner, name, record.key)
            freshness.states[name] = State(name, Status.FRESH, record.key, record.preimage, record)


def _with_facts(freshness: Freshness, record: Record) -> Record:
    """Add what is known of the run that made just these outputs."""
    for known in _known(freshness, record.key):
        if known.outputs == record.outputs:
            return record._replace(facts=known.facts)
    return record


def _known(freshness: Freshness, key: str) -> Iterator[Record]:
    here = freshness.store.record(key)
    if here is not None:
        yield here
    there = freshness.supply.record(key) if freshness.supply else None
    if there is not None:
        yield there
