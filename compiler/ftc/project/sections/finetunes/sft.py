"""`method: sft`, supervised fine-tuning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ftc.project.finetune import Finetune, OneOrMore, packs, shares_of
from ftc.project.schema import Built, Lowering, Reference, settings_of
from ftc_runtime.contract import Artifact
from ftc_runtime.stages.sft.spec import Packing
from ftc_runtime.stages.tokens.spec import Data as TokensData
from ftc_runtime.stages.tokens.spec import Params as TokensParams

Rows = Annotated[str, Reference((Artifact.ROWS,))]


class Data(TokensData, Packing):
    """How rows become token ids, and these what is trained on."""

    def of_tokens(self) -> TokensData:
        """Return what the `tokens` stage takes: rows that are packed are the same rows."""
        return TokensData(**{name: getattr(self, name) for name in TokensData.model_fields})


class Item(Finetune):
    """A LoRA adapter trained on conversations."""

    method: Literal["sft"] = Field(default="sft", description="Supervised fine-tuning")
    datasets: OneOrMore[Rows] = Field(
        description="What to train on: a list, or a mapping of names to shares"
    )
    eval_dataset: Rows | None = Field(
        default=None, description="Rows whose loss is measured, by training.eval_strategy"
    )
    data: Data = Field(default=Data(), description="How rows become token ids")

    def lower(self, to: Lowering) -> Built:
        """One `tokens` stage, shared by finetunes with equal data settings, and one `sft` stage."""
        base = to.loaded(self.model, Artifact.MODEL)
        measured = [self.eval_dataset] if self.eval_dataset else []
        tokens = to.stage(
            settings_of(
                self, TokensParams, data=self.data.of_tokens(), shares=shares_of(self.datasets)
            ),
            inputs={
                "tokenizer": base.tokenizer,
                "chat": base.chat,
                "train": [to.output(name, Artifact.ROWS) for name in self.datasets],
                "eval": [to.output(name, Artifact.ROWS) for name in measured],
            },
        )
        data = packs(self.data.packing, self.data.max_length)
        return self.trained(to, base=base, tokens=tokens, data=data, measured=bool(measured))
