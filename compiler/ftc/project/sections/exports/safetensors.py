"""`format: safetensors`, a folder that transformers loads."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ftc.project.schema import Built, Loaded, Lowering, Output, Reference, settings_of
from ftc.project.sections.exports import Export
from ftc_runtime.contract import Artifact
from ftc_runtime.stages.merge.spec import Params

EXPORTABLE = (Artifact.ADAPTER, Artifact.MODEL)


class Item(Params, Export):
    """A finetune's adapter merged into its base."""

    section: ClassVar = "exports"
    makes: ClassVar = {"model": Artifact.MODEL}

    format: Literal["safetensors"] = Field(description="A folder of safetensors files")
    model: Annotated[str, Reference(EXPORTABLE)] = Field(description="The finetune to merge")

    def lower(self, to: Lowering) -> Built:
        """One `merge` stage; a model without adapter and with its own template needs none."""
        loaded = to.loaded(self.model, *EXPORTABLE)
        merged = merged_model(to, loaded, settings_of(self, Params))
        again = Loaded(model=merged, tokenizer=loaded.tokenizer, chat=loaded.chat)
        return Built({"model": merged}, {".": merged}, {"model": again})


def merged_model(to: Lowering, loaded: Loaded, params: Params) -> Output:
    """Return the output that holds the whole model, by way of a `merge` stage if it takes one."""
    if loaded.adapter is None and loaded.carries_chat:
        assert loaded.model is not None
        return loaded.model
    return to.stage(
        params,
        inputs={
            "model": loaded.model,
            "adapter": loaded.adapter,
            "chat": None if loaded.carries_chat else loaded.chat,
        },
    )["model"]
