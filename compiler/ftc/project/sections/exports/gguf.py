"""`format: gguf`, files for llama.cpp and Ollama."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ftc.project.schema import Built, Loaded, Lowering, Output, Reference
from ftc.project.sections.exports import Export
from ftc.project.sections.exports.safetensors import EXPORTABLE, merged_model
from ftc_runtime.contract import Artifact
from ftc_runtime.stages.gguf.spec import Params as GgufParams
from ftc_runtime.stages.merge.spec import Params as MergeParams
from ftc_runtime.stages.quantize.spec import Params as QuantizeParams
from ftc_runtime.stages.quantize.spec import Quantization


class Item(Export):
    """A model as GGUF, once for each quantization."""

    section: ClassVar = "exports"
    makes: ClassVar = {"gguf": Artifact.GGUF}

    format: Literal["gguf"] = Field(description="One file for llama.cpp and Ollama")
    model: Annotated[str, Reference(EXPORTABLE)] = Field(description="A finetune, model or export")
    quantization: Quantization | Annotated[list[Quantization], Field(min_length=1)] = Field(
        description="llama.cpp's names of the types. Each is a target: merged-gguf.q8_0"
    )

    def quantizations(self) -> list[Quantization]:
        """Return the types as a list, each once."""
        words = self.quantization if isinstance(self.quantization, list) else [self.quantization]
        return list(dict.fromkeys(words))

    def outputs(self) -> dict[str, Artifact]:
        """One output for each type."""
        return {word: Artifact.GGUF for word in self.quantizations()}

    def lower(self, to: Lowering) -> Built:
        """Merge and convert once, at the model's own dtype; quantise to each type from that."""
        loaded = to.loaded(self.model, *EXPORTABLE)
        merged = merged_model(to, loaded, MergeParams())
        converted = to.stage(GgufParams(), inputs={"model": merged})["gguf"]
        outputs: dict[str, Output] = {
            word: to.stage(
                QuantizeParams(quantization=word),
                inputs={"gguf": converted},
                suffix=f".{word}",
            )["gguf"]
            for word in self.quantizations()
        }
        return Built(
            outputs,
            {f"{word}.gguf": output for word, output in outputs.items()},
            {word: Loaded(gguf=output, chat=loaded.chat) for word, output in outputs.items()},
        )
