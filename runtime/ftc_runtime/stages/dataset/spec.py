"""Stage `dataset`: rows as people keep them, read into conversations and split."""

from typing import ClassVar, Literal, Self

from pydantic import Field

from ftc_runtime.contract import Artifact, Settings, StageParams


class Holdout(Settings):
    """Rows kept from training. A row's side depends on the seed and the row alone."""

    fraction: float = Field(description="Share of the rows to hold out", gt=0, lt=1)
    seed: int = Field(default=0, description="Another seed holds out other rows", ge=0)


class Reading(Settings):
    """How a file of rows is read and split."""

    format: Literal["alpaca"] = Field(
        default="alpaca", description="alpaca: instruction, input, output, system, history"
    )
    holdout: Holdout | None = Field(default=None, description="Rows kept from training")


class Params(Reading, StageParams):
    """Read a file of rows into conversations and hold some of them out."""

    kind: ClassVar = "dataset"
    version: ClassVar = 1
    makes: ClassVar = {
        "train": Artifact.ROWS,
        "holdout": Artifact.ROWS,
        "report": Artifact.REPORT,
    }
    takes_source: ClassVar = True

    rehearsal: bool = Field(
        default=False, description="Keep a few rows of each part, the longest among them"
    )

    def rehearsed(self) -> Self:
        """Return them with few rows kept; the file is read whole, and each row checked."""
        return self.model_copy(update={"rehearsal": True})
