"""`datasets:` rows to train on and to measure with."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlencode

from pydantic import Field

from ftc.project.schema import Built, Lowering, settings_of
from ftc.project.schema import Item as BaseItem
from ftc_runtime.contract import Artifact
from ftc_runtime.stages.dataset.spec import ARTIFACTS, Params, Reading, file_type

HUBS = ("hf://", "ms://")
TRAIN = "train"


class Item(Reading, BaseItem):
    """Rows. With `holdout`, its bare name means the part for training."""

    section: ClassVar = "datasets"
    makes: ClassVar = {
        "train": Artifact.ROWS,
        "holdout": Artifact.ROWS,
        "report": Artifact.REPORT,
    }

    source: str | None = Field(
        default=None,
        description="A .json, .jsonl, .csv, .tsv, .txt, .parquet or .arrow file, or a folder of "
        "them, relative to project.yaml; hf://datasets/org/name, "
        "ms://datasets/org/name; or a URL of cloud storage: s3://, gs://, https://",
    )
    revision: str | None = Field(
        default=None, description="A branch, tag or commit of a hub's dataset, to override the lock"
    )
    subset: str | None = Field(default=None, description="The subset of a hub's dataset")
    split: str = Field(default=TRAIN, description="The split of a hub's dataset")
    folder: str | None = Field(default=None, description="The folder in a hub's dataset to read")
    dataset_info: str | None = Field(
        default=None, description="LLaMA-Factory's dataset_info.json, to take `entry` from"
    )
    entry: str | None = Field(default=None, description="The name in dataset_info.json")

    def outputs(self) -> dict[str, Artifact]:
        """The rows are what `type` says. A dataset without `holdout` has none to name."""
        rows = ARTIFACTS[self.type]
        held_out = {"holdout": rows} if self.holdout else {}
        return {"train": rows, **held_out, "report": Artifact.REPORT}

    def lower(self, to: Lowering) -> Built:
        """One `dataset` stage."""
        source = self.address()
        params = settings_of(self, Params, file_type=file_type(source) or "json")
        made = to.stage(params, inputs={}, source=source, revision=self.revision)
        offered = {name: made[name] for name in self.outputs()}
        links = {
            f"{name}.{'json' if name == 'report' else 'jsonl'}": made[name] for name in offered
        }
        return Built(offered, links)

    def address(self) -> str:
        """Return the source; of a hub's dataset with the part of it that is meant."""
        source = self.source or ""
        if not source.startswith(HUBS):
            return source
        part = {"subset": self.subset, "split": self.split, "folder": self.folder}
        named = {
            key: word for key, word in part.items() if word and (key, word) != ("split", TRAIN)
        }
        return f"{source.rstrip('/')}?{urlencode(named)}" if named else source
