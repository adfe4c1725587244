"""What a card tells, read from the outputs of the stages that made the export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftc_runtime.contract import StageSpec
from ftc_runtime.stages.card.spec import Card, Measured, Params, Step


@dataclass(frozen=True, slots=True)
class File:
    """A file of the export, or its folder. *size* in bytes."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Told:
    """A step, and what it told: its report, or the points of its curves."""

    step: Step
    report: dict[str, Any] = field(default_factory=dict)
    curves: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scores:
    """The means of one model in one eval."""

    measured: Measured
    means: dict[str, float]


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a card is written from."""

    name: str
    card: Card
    is_gguf: bool
    files: list[File]
    steps: list[Told]
    scores: list[Scores]

    def of_kind(self, kind: str) -> list[Told]:
        """Return the steps of a kind."""
        return [told for told in self.steps if told.step.kind == kind]

    @property
    def training(self) -> Told | None:
        """Return the last step that has curves, if the export was trained at all."""
        trained = [told for told in self.steps if told.step.curves]
        return trained[-1] if trained else None

    @property
    def base_source(self) -> str | None:
        """Return where the base model comes from."""
        sources = [told.step.source for told in self.of_kind("model") if told.step.source]
        return sources[-1] if sources else None

    @property
    def base_model(self) -> str | None:
        """Return the base model's id on the hub, as far as it is known."""
        source = self.base_source or ""
        return self.card.base_model or (
            source.removeprefix("hf://") if source.startswith("hf://") else None
        )


def read_facts(params: Params, stage: StageSpec) -> Facts:
    """Return what the stage's inputs tell."""
    reports = iter([json.loads(path.read_bytes()) for path in stage.many("reports")])
    curves = iter([list(_lines(path)) for path in stage.many("curves")])
    return Facts(
        name=params.name,
        card=params.card,
        is_gguf="model" not in stage.inputs,
        files=_files(params, stage),
        steps=[
            Told(
                step,
                report=next(reports) if step.report else {},
                curves=next(curves) if step.curves else [],
            )
            for step in params.steps
        ],
        scores=[
            Scores(measured, json.loads(path.read_bytes()))
            for measured, path in zip(params.measured, stage.many("scores"), strict=True)
        ],
    )


def _files(params: Params, stage: StageSpec) -> list[File]:
    model = stage.inputs.get("model")
    if model is not None:
        size = sum(file.stat().st_size for file in model.rglob("*") if file.is_file())
        return [File(params.name, size, stage.digests.get("model", ""))]
    paths = stage.many("gguf")
    return [
        File(name, path.stat().st_size, stage.digests.get(f"gguf.{number}", ""))
        for number, (name, path) in enumerate(zip(params.files, paths, strict=True))
    ]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
