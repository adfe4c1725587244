"""Stage `text_tokens`: texts to token ids, every one of which is trained."""

from typing import ClassVar, Literal

from pydantic import Field

from ftc_runtime.contract import Artifact, Need, StageParams
from ftc_runtime.stages.tokens.spec import Limits, Mixed


class Data(Limits):
    """How texts become token ids."""

    max_length: int = Field(default=2048, description="Longest row in tokens", ge=2)
    overlong: Literal["split", "drop", "error"] = Field(
        default="split",
        description="What to do with a text of more than max_length tokens. split: cut it into "
        "pieces that each begin with the last token of the one before, so that all are trained",
    )


class Params(Mixed, StageParams):
    """Turn texts into token ids, from the tokenizer's first token to its end token."""

    kind: ClassVar = "text_tokens"
    version: ClassVar = 1
    needs: ClassVar = {
        "tokenizer": Need(Artifact.TOKENIZER),
        "train": Need(Artifact.TEXTS, many=True),
        "eval": Need(Artifact.TEXTS, many=True, optional=True),
    }
    makes: ClassVar = {
        "train": Artifact.TOKENS,
        "eval": Artifact.TOKENS,
        "report": Artifact.REPORT,
    }
    libraries: ClassVar = ("transformers", "tokenizers")

    data: Data = Field(default=Data(), description="How texts become token ids")
