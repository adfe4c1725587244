"""Stage `model`: a base model, brought here and made canonical."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from ftc_runtime.contract import Artifact, Need, Settings, StageParams

Dtype = Literal["auto", "float32", "bfloat16", "float16"]


class Scratch(Settings):
    """A new model with random weights: for tests and for training from nothing."""

    model_type: str = Field(description="transformers' name of the architecture: llama, qwen2, ...")
    config: dict[str, Any] = Field(
        default={}, description="Fields of that architecture's config class"
    )
    seed: int = Field(default=0, description="Seed of the random weights", ge=0)


class Params(StageParams):
    """Bring a base model here: from a hub, a folder, a GGUF file, or made from a config and a seed."""

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
        description="The weights' type. auto keeps the source's own; a GGUF source becomes bfloat16",
    )
    trust_remote_code: bool = Field(
        default=False, description="Allow the model's own Python files to run"
    )
    scratch: Scratch | None = Field(default=None, description="Set by a scratch:// source")
