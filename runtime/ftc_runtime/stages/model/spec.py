"""Stage `model`: a base model, brought here and made canonical."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from ftc_runtime.contract import Artifact, Need, StageParams

Dtype = Literal["auto", "float32", "bfloat16", "float16"]


class Params(StageParams):
    """Bring a base model here: from a hub, a folder or a GGUF file, or make it from a seed."""

    kind: ClassVar = "model"
    version: ClassVar = 1
    needs: ClassVar = {"tokenizer": Need(Artifact.TOKENIZER, optional=True)}
    makes: ClassVar = {
        "model": Artifact.MODEL,
        "tokenizer": Artifact.TOKENIZER,
        "report": Artifact.REPORT,
    }
    libraries: ClassVar = ("torch", "transformers")
    takes_source: ClassVar = True

    dtype: Dtype = Field(
        default="auto",
        description="The weights' type. auto is the source's own; a GGUF source becomes bfloat16",
    )
    trust_remote_code: bool = Field(
        default=False, description="Allow the model's own Python files to run"
    )
    config: dict[str, Any] = Field(
        default={}, description="For scratch://: fields of the architecture's config class"
    )
    seed: int = Field(default=0, description="For scratch://: seed of the random weights", ge=0)
