"""Stage `dataset`: rows as people keep them, read into conversations and split."""

from pathlib import PurePath
from typing import ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from ftc_runtime.bars import Bar
from ftc_runtime.contract import Artifact, Settings, StageParams

Format = Literal["alpaca", "sharegpt", "openai", "text"]
RowType = Literal["sft", "preference", "kto", "text"]
FileType = Literal["json", "csv", "tsv", "txt", "parquet", "arrow"]

FILE_TYPES: dict[str, FileType] = {
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "txt",
    ".parquet": "parquet",
    ".arrow": "arrow",
}
"""How a file's name ends -> its type. A list of rows and rows on lines are told by their bytes."""
COMPRESSED = ".gz"

ARTIFACTS: dict[RowType, Artifact] = {
    "sft": Artifact.ROWS,
    "preference": Artifact.PREFERENCES,
    "kto": Artifact.JUDGED,
    "text": Artifact.TEXTS,
}


class Holdout(Settings):
    """Rows kept from training. A row's side depends on the seed and the row alone."""

    fraction: float = Field(description="Share of the rows to hold out", gt=0, lt=1)
    seed: int = Field(default=0, description="Another seed holds out other rows", ge=0)


class FailIf(Settings):
    """The rows that may have a fault, as a number or as a share such as 1%. More is a failure."""

    dropped: Bar | None = Field(
        default=None, description="Rows that cannot be used: a number, or a share as 1%"
    )
    duplicates: Bar | None = Field(
        default=None, description="Rows equal to an earlier one: a number, or a share as 1%"
    )
    empty: Bar | None = Field(
        default=None, description="Rows with an empty question or answer: a number, or as 1%"
    )
    leakage: Bar | None = Field(
        default=None, description="Held-out rows that are trained, or nearly: a number, or as 1%"
    )


class Columns(Settings):
    """Columns of a row by what they mean, as LLaMA-Factory calls them. Unnamed ones stay."""

    prompt: str | None = Field(
        default=None,
        description="What the user asks (instruction); with format: text, the text (text)",
        min_length=1,
    )
    query: str = Field(default="input", description="What follows the prompt", min_length=1)
    response: str = Field(default="output", description="The answer", min_length=1)
    history: str = Field(
        default="history", description="Pairs of question and answer from before", min_length=1
    )
    messages: str | None = Field(
        default=None,
        description="The turns (conversations; with format: openai, messages)",
        min_length=1,
    )
    system: str = Field(default="system", description="The system message", min_length=1)
    tools: str = Field(
        default="tools", description="Functions that the assistant may call", min_length=1
    )
    chosen: str = Field(default="chosen", description="The better answer", min_length=1)
    rejected: str = Field(default="rejected", description="The worse answer", min_length=1)
    kto_tag: str = Field(
        default="kto_tag", description="Whether the answer is wanted: true or false", min_length=1
    )


class Tags(Settings):
    """Words in a sharegpt turn, as LLaMA-Factory calls them. Unnamed ones stay."""

    role_tag: str = Field(default="from", description="Key of who speaks", min_length=1)
    content_tag: str = Field(default="value", description="Key of what is said", min_length=1)
    user_tag: str = Field(default="human", description="The user", min_length=1)
    assistant_tag: str = Field(default="gpt", description="The assistant", min_length=1)
    observation_tag: str = Field(
        default="observation", description="What a tool returned", min_length=1
    )
    function_tag: str = Field(
        default="function_call", description="The assistant's call of a tool", min_length=1
    )
    system_tag: str = Field(default="system", description="The system message", min_length=1)


class Reading(Settings):
    """How rows are read and split."""

    format: Format = Field(
        default="alpaca",
        description="alpaca: instruction, input, output. sharegpt: turns with from and value. "
        "openai: messages with role and content. text: one column of text",
    )
    type: RowType = Field(
        default="sft",
        description="sft: conversations. preference: a better and a worse answer. "
        "kto: an answer that is wanted or not. text: text without turns",
        validate_default=True,
    )
    columns: Columns = Field(default=Columns(), description="Columns with other names")
    tags: Tags = Field(default=Tags(), description="Words of sharegpt's turns that are other ones")
    holdout: Holdout | None = Field(default=None, description="Rows kept from training")
    fail_if: FailIf = Field(
        default=FailIf(), description="Faults that stop the build, and how many rows may have them"
    )
    num_samples: int | None = Field(
        default=None, description="Take so many rows, drawn by a hash of seed and row", gt=0
    )
    sample_seed: int = Field(default=0, description="Another seed draws other rows", ge=0)

    @field_validator("type")
    @classmethod
    def _goes_with_format(cls, type: RowType, info: ValidationInfo) -> RowType:
        format = info.data.get("format", "text" if type == "text" else "alpaca")
        if (format == "text") != (type == "text"):
            wanted = "text" if format == "text" else "sft, preference or kto"
            raise PydanticCustomError(
                "not_together", "format {format} needs type {wanted}",
                {"format": format, "wanted": wanted},
            )  # fmt: skip
        return type

    @field_validator("tags")
    @classmethod
    def _are_of_sharegpt(cls, tags: Tags, info: ValidationInfo) -> Tags:
        if tags != Tags() and info.data.get("format", "sharegpt") != "sharegpt":
            raise PydanticCustomError("not_together", "only rows of format sharegpt have tags")
        return tags


class Params(Reading, StageParams):
    """Read rows into conversations, or what `type` says, and hold some of them out."""

    kind: ClassVar = "dataset"
    version: ClassVar = 2
    changes: ClassVar = {
        2: "a <think> in front of an answer is its reasoning_content, tools are read, and "
        "the report tells more"
    }
    makes: ClassVar = {
        "train": Artifact.ROWS,
        "holdout": Artifact.ROWS,
        "report": Artifact.REPORT,
    }
    takes_source: ClassVar = True

    file_type: FileType = Field(
        default="json", description="What a single file is: its name tells, and is in no key"
    )
    rehearsal: bool = Field(
        default=False, description="Keep a few rows of each part, the longest among them"
    )

    def made(self) -> dict[str, Artifact]:
        """Return the outputs: the artifact of the rows depends on their type."""
        rows = ARTIFACTS[self.type]
        return {"train": rows, "holdout": rows, "report": Artifact.REPORT}

    def rehearsed(self) -> Self:
        """Return them with few rows kept; the file is read whole, and each row checked."""
        return self.model_copy(update={"rehearsal": True})


def file_type(name: str) -> FileType | None:
    """Return the type of a file of rows by its name, or None if it is none."""
    return FILE_TYPES.get(PurePath(name.lower().removesuffix(COMPRESSED)).suffix)
