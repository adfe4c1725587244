"""`method: sft`, supervised fine-tuning."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ftc.project.schema import Built, Lowering, Reference, settings_of
from ftc.project.schema import Item as BaseItem
from ftc_runtime.contract import Artifact
from ftc_runtime.stages.sft.spec import Packing, Packs, Params, Tuning
from ftc_runtime.stages.tokens.spec import Data as TokensData
from ftc_runtime.stages.tokens.spec import Mixing, Share
from ftc_runtime.stages.tokens.spec import Params as TokensParams

Rows = Annotated[str, Reference((Artifact.ROWS,))]


class Data(TokensData, Packing):
    """How rows become token ids, and these what is trained on."""

    def of_tokens(self) -> TokensData:
        """Return what the `tokens` stage takes: rows that are packed are the same rows."""
        return TokensData(**{name: getattr(self, name) for name in TokensData.model_fields})

    def of_packs(self) -> Packs:
        """Return what the `sft` stage takes: how long a row may be is its concern for packs."""
        return Packs(packing=True, max_length=self.max_length) if self.packing else Packs()


class Item(Tuning, Mixing, BaseItem):
    """A LoRA adapter trained on conversations."""

    section: ClassVar = "finetunes"
    makes: ClassVar = {"adapter": Artifact.ADAPTER, "curves": Artifact.TABLE}

    method: Literal["sft"] = Field(default="sft", description="Supervised fine-tuning")
    model: Annotated[str, Reference((Artifact.MODEL,))] = Field(description="The base model")
    datasets: (
        Annotated[list[Rows], Field(min_length=1)]
        | Annotated[dict[Rows, Share], Field(min_length=1)]
    ) = Field(description="What to train on: a list, or a mapping of names to shares")
    eval_dataset: Rows | None = Field(
        default=None, description="Rows whose loss is measured, by training.eval_strategy"
    )
    data: Data = Field(default=Data(), description="How rows become token ids")

    def _shares(self) -> list[Share]:
        """Return the shares by position, since a name is no reason to train anew."""
        shares = list(self.datasets.values()) if isinstance(self.datasets, dict) else []
        return shares if any(share != Share() for share in shares) else []

    def lower(self, to: Lowering) -> Built:
        """One `tokens` stage, shared by finetunes with equal data settings, and one `sft` stage."""
        base = to.loaded(self.model, Artifact.MODEL)
        tokens = to.stage(
            settings_of(self, TokensParams, data=self.data.of_tokens(), shares=self._shares()),
            inputs={
                "tokenizer": base.tokenizer,
                "chat": base.chat,
                "train": [to.output(name, Artifact.ROWS) for name in self.datasets],
                "eval": [to.output(self.eval_dataset, Artifact.ROWS)] if self.eval_dataset else [],
            },
        )
        made = to.stage(
            settings_of(self, Params, data=self.data.of_packs()),
            inputs={
                "model": base.model,
                "train": tokens["train"],
                "eval": tokens["eval"] if self.eval_dataset else None,
            },
        )
        links = {
            "adapter": made["adapter"],
            "curves.jsonl": made["curves"],
            "tokens.json": tokens["report"],
        }
        return Built(made, links, {"adapter": replace(base, adapter=made["adapter"])})
