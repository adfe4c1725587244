"""`datasets:` rows to train on and to measure with."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ftc.project.schema import Built, Lowering, settings_of
from ftc.project.schema import Item as BaseItem
from ftc_runtime.contract import Artifact
from ftc_runtime.stages.dataset.spec import ARTIFACTS, Params, Reading, file_type


class Item(Reading, BaseItem):
    """A file of rows, or a folder. With `holdout`, its bare name means the part for training."""

    section: ClassVar = "datasets"
    makes: ClassVar = {
        "train": Artifact.ROWS,
        "holdout": Artifact.ROWS,
        "report": Artifact.REPORT,
    }

    source: str = Field(
        description="A .json, .jsonl, .csv, .tsv, .txt, .parquet or .arrow file, or a folder of "
        "them, relative to project.yaml"
    )

    def outputs(self) -> dict[str, Artifact]:
        """The rows are what `type` says. A dataset without `holdout` has none to name."""
        rows = ARTIFACTS[self.type]
        held_out = {"holdout": rows} if self.holdout else {}
        return {"train": rows, **held_out, "report": Artifact.REPORT}

    def lower(self, to: Lowering) -> Built:
        """One `dataset` stage."""
        params = settings_of(self, Params, file_type=file_type(self.source) or "json")
        made = to.stage(params, inputs={}, source=self.source)
        offered = {name: made[name] for name in self.outputs()}
        links = {
            f"{name}.{'json' if name == 'report' else 'jsonl'}": made[name] for name in offered
        }
        return Built(offered, links)
