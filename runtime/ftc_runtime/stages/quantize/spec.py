"""Stage `quantize`: a GGUF file in a smaller type."""

from typing import ClassVar, Literal

from pydantic import Field

from ftc_runtime.contract import Artifact, Need, StageParams

Quantization = Literal[
    "f32", "f16", "bf16", "q8_0", "q6_k", "q5_k_m", "q5_k_s", "q5_0", "q5_1",
    "q4_k_m", "q4_k_s", "q4_0", "q4_1", "q3_k_l", "q3_k_m", "q3_k_s", "q2_k",
]  # fmt: skip


class Params(StageParams):
    """Quantise a GGUF file with llama.cpp's own `llama_model_quantize`."""

    kind: ClassVar = "quantize"
    version: ClassVar = 2
    changes: ClassVar = {2: "the file names the digests of what it was made from"}
    needs: ClassVar = {"gguf": Need(Artifact.GGUF)}
    makes: ClassVar = {"gguf": Artifact.GGUF}
    libraries: ClassVar = ("llama-cpp-python",)

    quantization: Quantization = Field(description="llama.cpp's name of the type")
