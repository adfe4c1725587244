"""Stage `tokens`: conversations rendered to token ids, with labels on what is trained."""

from typing import ClassVar, Literal

from pydantic import Field

from ftc_runtime.bars import Bar
from ftc_runtime.contract import Artifact, Need, Settings, StageParams, operational


class Masking(Settings):
    """Which tokens of a conversation are trained. A message's own `loss` stands above it."""

    train_on: Literal["assistant", "last", "all"] = Field(
        default="assistant",
        description="assistant: every answer and call. last: only the last one. "
        "all: the prompt as well",
    )
    train_thinking: bool = Field(
        default=True, description="Train what the assistant thinks, and not only what it says"
    )
    missing_thinking: Literal["error", "mask", "train", "drop"] = Field(
        default="error",
        description="Answers without a thought, where the model is to think. error: refuse them. "
        "mask: an empty thought, not trained. train: a trained one. drop: leave the row out",
    )


class FailIf(Settings):
    """The rows that may have a fault, as a number or as a share such as 1%. More is a failure."""

    overlong: Bar | None = Field(
        default=None, description="Rows left out as longer than max_length: a number, or as 1%"
    )
    truncated: Bar | None = Field(
        default=None, description="Rows cut to max_length: a number, or a share as 1%"
    )
    untrained: Bar | None = Field(
        default=None, description="Rows left out as nothing is trained: a number, or as 1%"
    )
    refused: Bar | None = Field(
        default=None, description="Rows that the template refuses: a number, or a share as 1%"
    )
    leakage: Bar | None = Field(
        default=None, description="Rows of eval_dataset that are trained: a number, or as 1%"
    )


class Limits(Settings):
    """What holds for rows of any type."""

    max_length: int = Field(default=2048, description="Longest row in tokens", ge=1)
    fail_if: FailIf = Field(
        default=FailIf(), description="Faults that stop the build, and how many rows may have them"
    )
    preprocessing_num_workers: int | None = operational(
        None, "Threads of the tokenizer; all cores unless given", ge=1
    )


class Data(Masking, Limits):
    """How conversations become token ids."""

    overlong: Literal["drop", "error", "truncate"] = Field(
        default="drop",
        description="What to do with a row of more than max_length tokens. truncate: leave out "
        "whole exchanges, then cut the longest messages; never a header or an end",
    )


Mix = Literal["concat", "interleave_under", "interleave_over", "interleave_once"]


class Share(Settings):
    """How much of a mix one dataset is."""

    weight: float | None = Field(
        default=None,
        description="With concat the share of its rows that is taken, by a hash of each: 0.5 is "
        "half of them, 2.5 two copies and half of a third. With interleave how likely it gives "
        "the next row, beside the weights of the others, 1 where there is none; with no weight "
        "at all they take turns",
        gt=0,
    )
    repeat: int = Field(
        default=1,
        description="How often its rows are there, as if its file held them so often",
        ge=1,
    )


class Mixing(Settings):
    """How several datasets become one."""

    mix: Mix = Field(
        default="concat",
        description="concat: one behind the other. interleave_under: row by row, until a dataset "
        "is at its end. interleave_over: until each has been at its end; those that are begin "
        "again. interleave_once: each row once, the others go on when a dataset is at its end",
    )
    mix_seed: int = Field(
        default=0, description="Another seed takes other rows, or draws them in another order", ge=0
    )


class Mixed(Mixing):
    """How the files of `train` become one."""

    shares: list[Share] = Field(
        default=[], description="Of train.0, train.1, ...: how much of the mix each is"
    )


class Params(Mixed, StageParams):
    """Render conversations with the chat template and mask all but the assistant's turns."""

    kind: ClassVar = "tokens"
    version: ClassVar = 2
    changes: ClassVar = {2: "the report tells more"}
    needs: ClassVar = {
        "tokenizer": Need(Artifact.TOKENIZER),
        "chat": Need(Artifact.CHAT),
        "train": Need(Artifact.ROWS, many=True),
        "eval": Need(Artifact.ROWS, many=True, optional=True),
    }
    makes: ClassVar = {
        "train": Artifact.TOKENS,
        "eval": Artifact.TOKENS,
        "report": Artifact.REPORT,
    }
    libraries: ClassVar = ("transformers", "tokenizers", "jinja2")

    data: Data = Field(default=Data(), description="How rows become token ids")
