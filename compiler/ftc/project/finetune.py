"""What finetunes of every `method` have: token rows in, a LoRA adapter and its curves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, TypeAlias, TypeVar

from pydantic import Field

from ftc.project.schema import Built, Item, Loaded, Lowering, Output, Reference, settings_of
from ftc_runtime.contract import Artifact
from ftc_runtime.stages.sft.spec import Packs, Params, Tuning
from ftc_runtime.stages.tokens.spec import Mixing, Share

RowsT = TypeVar("RowsT", bound=str)
OneOrMore: TypeAlias = (
    Annotated[list[RowsT], Field(min_length=1)] | Annotated[dict[RowsT, Share], Field(min_length=1)]
)


class Finetune(Tuning, Mixing, Item):
    """A LoRA adapter trained on token rows."""

    section: ClassVar = "finetunes"
    makes: ClassVar = {"adapter": Artifact.ADAPTER, "curves": Artifact.TABLE}

    model: Annotated[str, Reference((Artifact.MODEL,))] = Field(description="The base model")

    def trained(
        self,
        to: Lowering,
        *,
        base: Loaded,
        tokens: Mapping[str, Output],
        data: Packs,
        measured: bool,
    ) -> Built:
        """One `sft` stage. *measured*: whether *tokens* has rows whose loss is measured."""
        made = to.stage(
            settings_of(self, Params, data=data),
            inputs={
                "model": base.model,
                "train": tokens["train"],
                "eval": tokens["eval"] if measured else None,
            },
        )
        links = {
            "adapter": made["adapter"],
            "curves.jsonl": made["curves"],
            "tokens.json": tokens["report"],
        }
        return Built(made, links, {"adapter": replace(base, adapter=made["adapter"])})


def shares_of(datasets: Sequence[str] | Mapping[str, Share]) -> list[Share]:
    """Return the shares by position, since a name is no reason to train anew."""
    shares = list(datasets.values()) if isinstance(datasets, Mapping) else []
    return shares if any(share != Share() for share in shares) else []


def packs(packing: bool, max_length: int) -> Packs:
    """Return what the `sft` stage takes: how long a row may be is its concern for packs."""
    return Packs(packing=True, max_length=max_length) if packing else Packs()
