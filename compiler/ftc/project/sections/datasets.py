"""`datasets:` rows to train on and to measure with."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ftc.project.schema import Built, Lowering, settings_of
from ftc.project.schema import Item as BaseItem
from ftc_runtime.contract import Artifact
from ftc_runtime.stages.dataset.spec import Params, Reading


class Item(Reading, BaseItem):
    """A file of rows. With `holdout`, its bare name means the part for training."""

    section: ClassVar = "datasets"
    makes: ClassVar = {
        "train": Artifact.ROWS,
        "holdout": Artifact.ROWS,
        "report": Artifact.REPORT,
    }

    source: str = Field(description="A .json or .jsonl file, relative to project.yaml")

    def outputs(self) -> dict[str, Artifact]:
        """A dataset without `holdout` has none to name."""
        return {
            name: artifact
            for name, artifact in self.makes.items()
            if name != "holdout" or self.holdout is not None
        }

    def lower(self, to: Lowering) -> Built:
        """One `dataset` stage."""
        made = to.stage(settings_of(self, Params), inputs={}, source=self.source)
        offered = {name: made[name] for name in self.outputs()}
        links = {
            f"{name}.{'json' if name == 'report' else 'jsonl'}": made[name] for name in offered
        }
        return Built(offered, links)
