"""The things to compare: what a target, or a key of the store, was made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ftc.cli.workspace import Workspace
from ftc.diagnostics import Diagnostic, ProjectError
from ftc.plan.explain import leaves
from ftc.plan.freshness import State
from ftc.plan.lower import default_leaves
from ftc.plan.stages import Edge, Plan, Stage, Target
from ftc.store.records import Record
from ftc.store.store import Store
from ftc_runtime.contract import Artifact, params_class

PRODUCTS = (Artifact.GGUF, Artifact.ADAPTER, Artifact.MODEL)
"""What can be measured. A stage that takes several of them measures the first."""
KEY = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, slots=True)
class Made:
    """One stage behind a subject, as it is configured, and what it gave."""

    kind: str
    settings: Mapping[str, Any]
    """Leaf -> value, defaults too."""
    written: Mapping[str, Any]
    """Those that are not the default."""
    libraries: Mapping[str, str]
    source: str | None
    """Digest of what it read from outside, or its URI while that is unknown."""
    record: Record | None


@dataclass(frozen=True, slots=True)
class Subject:
    """One column of the comparison: a model, an adapter or a GGUF file."""

    name: str
    artifact: str
    chain: tuple[Made, ...]
    """Every stage behind it, itself last."""
    product: Edge | None = None
    """Where the plan has it; None for a key of the store."""
    missing: tuple[str, ...] = ()
    """Stages of the plan that have no result yet."""

    @property
    def record(self) -> Record | None:
        """What its own stage gave."""
        return self.chain[-1].record

    def training(self) -> Record | None:
        """Return the record of the training that it comes of, the last if there are several."""
        tables = [made.record for made in self.chain if made.record and "curves" in _outputs(made)]
        return tables[-1] if tables else None


def _outputs(made: Made) -> Iterable[str]:
    return made.record.outputs if made.record else ()


def subjects(
    words: Sequence[str], workspace: Workspace, states: Mapping[str, State]
) -> list[Subject]:
    """Return what the words name, each once, in their order.

    Raises:
        ProjectError: with every word that names nothing that can be compared.
    """
    found: dict[str, Subject] = {}
    faults: list[Diagnostic] = []
    for word in words:
        try:
            if KEY.fullmatch(word) and word not in workspace.words():
                named = [_of_key(word, workspace.store)]
            else:
                named = list(_of_word(word, workspace, states))
        except ProjectError as error:
            faults += error.diagnostics
            continue
        found |= {subject.name: subject for subject in named if subject.name not in found}
    if faults:
        raise ProjectError(faults)
    return list(found.values())


def _of_word(word: str, workspace: Workspace, states: Mapping[str, State]) -> Iterator[Subject]:
    plan = workspace.plan
    for target in workspace.targets([word]):
        edges = list(_products(target, plan))
        if not edges:
            message = f"`{word}` is no model, adapter or GGUF file, and no eval of some"
            help = "name models, finetunes, exports or evals"
            raise ProjectError([Diagnostic("not-comparable", message, help=help)])
        for edge in edges:
            is_whole = len(edges) == 1 and target.section != "evals"
            name = target.name if is_whole else _name_of(edge, plan)
            stages = plan.closure([edge.stage]).values()
            yield Subject(
                name,
                plan.stages[edge.stage].outputs[edge.output],
                tuple(_made(stage, states[stage.name]) for stage in stages),
                edge,
                tuple(stage.name for stage in stages if states[stage.name].known is None),
            )


def _products(target: Target, plan: Plan) -> Iterator[Edge]:
    """Yield what a target is, or what an eval measures."""
    for edge in dict.fromkeys(target.links.values()):
        artifact = plan.stages[edge.stage].outputs[edge.output]
        if artifact == Artifact.SCORES:
            yield measured(plan, edge.stage)
        elif artifact in PRODUCTS:
            yield edge


def measured(plan: Plan, stage: str) -> Edge:
    """Return what a stage measures: what it loads, or what the answers that it reads came from."""
    inputs = plan.stages[stage].inputs
    for role in PRODUCTS:
        if role.value in inputs:
            return inputs[role.value]
    return measured(plan, next(iter(inputs.values())).stage)


def _name_of(edge: Edge, plan: Plan) -> str:
    """Return the shortest name of a target that is just this output."""
    names = [
        target.name
        for target in plan.targets.values()
        if target.section != "evals" and [*_products(target, plan)] == [edge]
    ]
    return min(names, key=len, default=edge.stage)


def _made(stage: Stage, state: State) -> Made:
    written = dict(leaves(stage.semantic))
    digest = state.found.digest if state.found else None
    uri = stage.source.uri if stage.source else None
    return Made(
        stage.kind,
        {**stage.defaults, **written},
        written,
        stage.libraries,
        digest or uri,
        state.known,
    )


def _of_key(prefix: str, store: Store) -> Subject:
    """Return what a record of the store is, with all that lies behind it.

    Raises:
        ProjectError: if there is no such key, or more than one.
    """
    records = list(_records(store))
    matching = [record for record in records if record.key.startswith(prefix)]
    if len(matching) != 1:
        message = f"there is no target and no key in the store that begins with `{prefix}`"
        if matching:
            message = f"{len(matching)} keys in the store begin with `{prefix}`"
        help = "`ftc status --json` shows the keys of the stages" if not matching else "write more"
        raise ProjectError([Diagnostic("unknown-key-prefix", message, help=help)])
    makers = {stored.digest: record for record in records for stored in record.outputs.values()}
    chain: dict[str, Record] = {}
    _collect(matching[0], makers, chain)
    artifacts = list(matching[0].preimage["outputs"].values())
    artifact = next((kind.value for kind in PRODUCTS if kind in artifacts), artifacts[0])
    return Subject(prefix, artifact, tuple(map(_made_before, chain.values())))


def _records(store: Store) -> Iterator[Record]:
    for path in sorted((store.root / "ac").glob("*/*.json")):
        record = store.record(path.stem)
        if record is not None:
            yield record


def _collect(record: Record, makers: Mapping[str, Record], chain: dict[str, Record]) -> None:
    """Put a record behind all that its inputs came from."""
    for digest in record.preimage["inputs"].values():
        if (maker := makers.get(digest)) is not None and maker.key not in chain:
            _collect(maker, makers, chain)
    chain[record.key] = record


def _made_before(record: Record) -> Made:
    image = record.preimage
    written = dict(leaves(image["spec"]))
    return Made(
        image["kind"],
        {**dict(default_leaves(params_class(image["kind"]))), **written},
        written,
        image["libraries"],
        image["inputs"].get("source"),
        record,
    )
