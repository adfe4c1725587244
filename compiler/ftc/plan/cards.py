"""A model card for each export: a stage of its own, that nothing reads.

It needs what evals measured, and evals need exports: so cards come when all items are stages. An
edited eval makes a card stale, and no export.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from ftc.plan.stages import Stage, closure
from ftc.project.schema import Built, Item, Measurement, Output
from ftc.project.sections.exports import Export
from ftc_runtime.contract import Artifact, Json, params_class
from ftc_runtime.stages.card.spec import Measured, Params, Step

LINK = "README.md"
REPORT, CURVES = "report", "curves"


class Wanted(NamedTuple):
    """A card stage to add: its settings and inputs."""

    params: Params
    inputs: dict[str, Output | list[Output] | None]


def card_of(
    name: str,
    item: Item,
    built: Built,
    *,
    stages: Mapping[str, Stage],
    evals: Mapping[str, Built],
) -> Wanted | None:
    """Return the card of an export. *evals*: every eval of the project, by name."""
    if not isinstance(item, Export):
        return None
    made = list(built.outputs.values())
    way = list(closure(stages, (output.stage for output in made)).values())
    measured = list(_measured(made, way, evals))
    files = {path: out for path, out in built.links.items() if out.artifact is Artifact.GGUF}
    folders = [out for out in made if out.artifact is Artifact.MODEL]
    params = Params(
        name=name,
        files=list(files),
        card=item.card,
        steps=[_step(stage) for stage in way],
        measured=[one for one, _ in measured],
    )
    return Wanted(
        params,
        {
            "model": folders[0] if folders else None,
            "gguf": list(files.values()),
            "reports": _all(REPORT, Artifact.REPORT, way),
            "curves": _all(CURVES, Artifact.TABLE, way),
            "scores": [scores for _, scores in measured],
        },
    )


def _all(name: str, artifact: Artifact, way: Iterable[Stage]) -> list[Output]:
    return [Output(stage.name, name, artifact) for stage in way if name in stage.outputs]


def _step(stage: Stage) -> Step:
    params = params_class(stage.kind).model_validate(stage.params)
    return Step(
        kind=stage.kind,
        source=stage.source.uri if stage.source else None,
        settings=dict(sorted(_leaves(params.semantic(defaults=True)))),
        libraries=stage.libraries,
        report=REPORT in stage.outputs,
        curves=CURVES in stage.outputs,
    )


def _leaves(value: Mapping[str, Json], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, part in value.items():
        if isinstance(part, dict) and part:
            yield from _leaves(part, f"{path}{name}.")
        else:
            yield f"{path}{name}", part


def _measured(
    made: Sequence[Output], way: Iterable[Stage], evals: Mapping[str, Built]
) -> Iterator[tuple[Measured, Output]]:
    """Give what was measured of the export and on the way to it, and the baselines beside it."""
    names = {stage.name for stage in way}
    for eval_name, built in evals.items():
        roles = [_role(measurement, made, names) for measurement in built.measured]
        if not {"export", "finetune"} & set(roles):
            continue
        for measurement, role in zip(built.measured, roles, strict=True):
            if role is not None:
                told = Measured(
                    eval=eval_name,
                    dataset=measurement.dataset,
                    model=measurement.model,
                    role=role,
                )
                yield told, measurement.scores


def _role(
    measurement: Measurement, made: Sequence[Output], way: Collection[str]
) -> Literal["baseline", "finetune", "export"] | None:
    of = measurement.of
    one = of.gguf or of.adapter or of.model
    if one in made:
        return "export"
    if measurement.baseline:
        return "baseline"
    return "finetune" if one is not None and one.stage in way else None
