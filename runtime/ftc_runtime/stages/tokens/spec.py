"""Stage `tokens`: conversations rendered to token ids, with labels on what is trained."""

from typing import ClassVar, Literal

from pydantic import Field

from ftc_runtime.contract import Artifact, Need, Settings, StageParams, operational


class Data(Settings):
    """How rows become token ids."""

    max_length: int = Field(default=2048, description="Longest row in tokens", ge=1)
    overlong: Literal["drop", "error"] = Field(
        default="drop", description="What to do with a row of more than max_length tokens"
    )
    preprocessing_num_workers: int | None = operational(
        None, "Threads of the tokenizer; all cores unless given", ge=1
    )


class Params(StageParams):
    """Render conversations with the chat template and mask all but the assistant's turns."""

    kind: ClassVar = "tokens"
    version: ClassVar = 1
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
