"""Stage `dataset`: rows as people keep them, read into conversations and split."""

from typing import ClassVar, Literal

from pydantic import Field

from ftc_runtime.contract import Artifact, Settings, StageParams


class Holdout(Settings):
    """Rows kept from training. A row's side depends on the seed and the row alone."""

    fraction: float = Field(description="Share of the rows to hold out", gt=0, lt=1)
    seed: int = Field(default=0, description="Another seed holds out other rows", ge=0)


class Params(StageParams):
    """Read a file of rows into conversations and hold some of them out."""

    kind: ClassVar = "dataset"
    version: ClassVar = 1
    makes: ClassVar = {
        "train": Artifact.ROWS,
        "holdout": Artifact.ROWS,
        "report": Artifact.REPORT,
    }
    takes_source: ClassVar = True

    format: Literal["alpaca"] = Field(
        default="alpaca", description="alpaca: instruction, input, output, system, history"
    )
    holdout: Holdout | None = Field(default=None, description="Rows kept from training")
