"""`task: generate`, answers compared with the rows' own."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ftc.project.schema import Built, Lowering, Measurement, Output, Reference, settings_of
from ftc.project.schema import Item as BaseItem
from ftc_runtime.contract import Artifact
from ftc_runtime.stages.predict.spec import Answering
from ftc_runtime.stages.predict.spec import Params as PredictParams
from ftc_runtime.stages.score.spec import Params as ScoreParams

SCORED = (Artifact.ADAPTER, Artifact.GGUF, Artifact.MODEL)


class Item(ScoreParams, Answering, BaseItem):
    """Answers to a dataset's rows, and scores of them, for each model."""

    section: ClassVar = "evals"
    makes: ClassVar = {"scores": Artifact.SCORES}

    task: Literal["generate"] = Field(default="generate", description="Generate and compare")
    models: list[Annotated[str, Reference(SCORED, variants="all")]] = Field(
        description="Models, finetunes and exports to measure", min_length=1
    )
    baseline: Annotated[str, Reference(SCORED, variants="one")] | None = Field(
        default=None, description="Measured beside them"
    )
    dataset: Annotated[str, Reference((Artifact.ROWS,))] = Field(description="The rows")

    def names(self) -> list[str]:
        """Return what is measured, the baseline first, each once."""
        return list(dict.fromkeys([*([self.baseline] if self.baseline else []), *self.models]))

    def lower(self, to: Lowering) -> Built:
        """For each model one `predict` and one `score` stage."""
        outputs: dict[str, Output] = {}
        links: dict[str, Output] = {}
        measured: list[Measurement] = []
        rows = to.output(self.dataset, Artifact.ROWS)
        for name in self.names():
            loaded = to.loaded(name, *SCORED)
            settings = settings_of(self, PredictParams)
            if loaded.gguf is not None:
                # llama.cpp answers row by row, in the file's own types: dtype and batch_size, which
                # say nothing to it, are not to make its answers stale.
                settings = PredictParams(generation=self.generation)
            predicted = to.stage(
                settings,
                inputs={
                    "model": loaded.model,
                    "adapter": loaded.adapter,
                    "gguf": loaded.gguf,
                    "chat": loaded.chat,
                    "rows": rows,
                },
                suffix=f"/{name}",
            )
            scored = to.stage(
                settings_of(self, ScoreParams),
                inputs={"predictions": predicted["predictions"]},
                suffix=f"/{name}",
            )
            outputs[name] = scored["scores"]
            measured.append(
                Measurement(
                    of=loaded,
                    model=name,
                    dataset=self.dataset,
                    scores=scored["scores"],
                    baseline=name == self.baseline,
                )
            )
            links |= {
                f"{name}/scores.json": scored["scores"],
                f"{name}/rows.jsonl": scored["rows"],
                f"{name}/generated_predictions.jsonl": predicted["predictions"],
            }
        return Built(outputs, links, measured=tuple(measured))
