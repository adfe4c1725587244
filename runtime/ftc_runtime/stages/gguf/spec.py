"""Stage `gguf`: a model converted to one GGUF file, at its own dtype."""

from typing import ClassVar, Literal

from pydantic import Field

from ftc_runtime.contract import Artifact, Need, StageParams


class Params(StageParams):
    """Convert a model to GGUF with llama.cpp's own converter."""

    kind: ClassVar = "gguf"
    version: ClassVar = 2
    changes: ClassVar = {2: "the file names the digests of what it was made from"}
    needs: ClassVar = {"model": Need(Artifact.MODEL)}
    makes: ClassVar = {"gguf": Artifact.GGUF}
    libraries: ClassVar = ("torch", "transformers", "llama.cpp-converter")

    outtype: Literal["auto", "f32", "bf16", "f16"] = Field(
        default="auto", description="Type of the weights; auto is the model's own"
    )
