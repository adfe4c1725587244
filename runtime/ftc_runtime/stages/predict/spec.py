"""Stage `predict`: a model's answers to the rows of a dataset."""

from typing import ClassVar, Literal, Self

from pydantic import Field

from ftc_runtime.contract import Artifact, Need, Settings, StageParams
from ftc_runtime.stages.model.spec import Dtype


class Generation(Settings):
    """How answers are drawn, by the fields of transformers.GenerationConfig."""

    max_new_tokens: int = Field(default=256, description="Longest answer in tokens", ge=1)
    do_sample: bool = Field(default=False, description="Draw at random; otherwise greedy")
    temperature: float = Field(default=1.0, description="Of sampling", gt=0)
    top_p: float = Field(default=1.0, description="Of sampling", gt=0, le=1)
    top_k: int = Field(default=50, description="Of sampling; 0 is no limit", ge=0)
    repetition_penalty: float = Field(default=1.0, description="1.0 is none", gt=0)
    seed: int = Field(default=42, description="Of sampling", ge=0, lt=2**32)


class Answering(Settings):
    """How a model is run to answer rows."""

    generation: Generation = Field(default=Generation(), description="How answers are drawn")
    batch_size: int = Field(
        default=8,
        description="Rows answered at once. In the key, since padding moves the last bits",
        ge=1,
    )
    dtype: Dtype = Field(
        default="auto", description="Type of the weights while answering; auto is the model's own"
    )


class Params(Answering, StageParams):
    """Let a model, a model with an adapter, or a GGUF file answer each row's last question."""

    kind: ClassVar = "predict"
    version: ClassVar = 1
    needs: ClassVar = {
        "model": Need(
            Artifact.MODEL, optional=True, libraries=("torch", "transformers"), devices=1
        ),
        "adapter": Need(Artifact.ADAPTER, optional=True, libraries=("peft",)),
        "gguf": Need(Artifact.GGUF, optional=True, libraries=("llama-cpp-python", "transformers")),
        "chat": Need(Artifact.CHAT),
        "rows": Need(Artifact.ROWS),
    }
    makes: ClassVar = {"predictions": Artifact.PREDICTIONS}
    reproduces: ClassVar[Literal["exact", "seeded", "external"]] = "seeded"

    rehearsal: bool = Field(default=False, description="Stop each answer after a few tokens")

    def rehearsed(self) -> Self:
        """Return them with short answers; max_new_tokens is still held against the context."""
        return self.model_copy(update={"rehearsal": True})
