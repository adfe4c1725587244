"""Which eval measured which subject: found through the plan, never by a name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ftc.cli.comparison.subjects import Subject, measured
from ftc.plan.freshness import State
from ftc.plan.keys import key_of, preimage
from ftc.plan.stages import Edge, Plan
from ftc.store.records import Record
from ftc.store.store import Store
from ftc_runtime.contract import SUFFIXES, Artifact


@dataclass(frozen=True, slots=True)
class _Scoring:
    """One eval's measurement of one thing, as the plan has it."""

    target: str
    score: Edge
    measured: Edge


def scores_of(
    compared: Sequence[Subject], plan: Plan, *, states: Mapping[str, State], store: Store
) -> Iterator[tuple[str, str, tuple[float | None, ...]]]:
    """Yield eval, metric and each subject's score, for all evals that have measured one of them."""
    found: dict[str, list[dict[str, float]]] = {}
    for scoring in _scorings(plan):
        for at, subject in enumerate(compared):
            if subject.product is None:
                record = _record_with(scoring, subject, plan, states=states, store=store)
            elif subject.product == scoring.measured:
                record = states[scoring.score.stage].known
            else:
                continue
            scores = _read(record, scoring.score.output, store)
            if scores is not None:
                found.setdefault(scoring.target, [{} for _ in compared])[at] = scores
    for target, held in found.items():
        for metric in dict.fromkeys(name for scores in held for name in scores):
            yield target, metric, tuple(scores.get(metric) for scores in held)


def unbuilt(subject: Subject, plan: Plan, states: Mapping[str, State]) -> list[str]:
    """Return the stages that have to run for all there is to tell of a subject of the plan."""
    if subject.missing:
        return list(subject.missing)
    scoring = (one.score.stage for one in _scorings(plan) if one.measured == subject.product)
    return [stage for stage in dict.fromkeys(scoring) if states[stage].known is None]


def _scorings(plan: Plan) -> Iterator[_Scoring]:
    """Yield every measurement that the project's evals make."""
    for target in plan.targets.values():
        if target.section != "evals" or target.output is not None:
            continue
        for edge in dict.fromkeys(target.links.values()):
            if plan.stages[edge.stage].outputs[edge.output] == Artifact.SCORES:
                yield _Scoring(target.name, edge, measured(plan, edge.stage))


def _read(record: Record | None, output: str, store: Store) -> dict[str, float] | None:
    stored = record.outputs[output] if record else None
    if stored is None or not store.holds(stored):
        return None
    text = store.path(stored, SUFFIXES[Artifact.SCORES]).read_text(encoding="utf-8")
    return dict(json.loads(text))


def _record_with(
    scoring: _Scoring,
    subject: Subject,
    plan: Plan,
    *,
    states: Mapping[str, State],
    store: Store,
) -> Record | None:
    """Return what the eval gave for a result of the store, if it ever measured it.

    It is the record of the key that the plan's own stages have once they are given that result.
    """
    way = _way(plan, scoring)
    record = subject.record
    artifact = plan.stages[scoring.measured.stage].outputs[scoring.measured.output]
    if record is None or artifact != subject.artifact:
        return None
    given = {
        scoring.measured: next(
            record.outputs[name].digest
            for name, made in record.preimage["outputs"].items()
            if made == artifact
        )
    }
    base = plan.stages[way[0]].inputs.get("model")
    if artifact == Artifact.ADAPTER and base is not None:
        given[base] = record.preimage["inputs"]["model"]
    for name in way:
        digests = {
            role: given.get(edge) or _digest(states[edge.stage], edge.output)
            for role, edge in plan.stages[name].inputs.items()
        }
        record = store.record(key_of(preimage(plan.stages[name], digests)))
        if record is None:
            return None
        given |= {Edge(name, output): made.digest for output, made in record.outputs.items()}
    return record


def _way(plan: Plan, scoring: _Scoring) -> list[str]:
    """Return the stages from the one that loads what is measured to the one that scores."""
    way = [scoring.score.stage]
    while scoring.measured not in plan.stages[way[0]].inputs.values():
        way.insert(0, next(iter(plan.stages[way[0]].inputs.values())).stage)
    return way


def _digest(state: State, output: str) -> str:
    """Return the digest of an output; of one that is not known, a text that no key holds."""
    return state.known.outputs[output].digest if state.known else ""
