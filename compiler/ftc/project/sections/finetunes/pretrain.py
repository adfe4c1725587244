"""`method: pretrain`, continued pretraining."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ftc.project.finetune import Finetune, OneOrMore, packs, shares_of
from ftc.project.schema import Built, Lowering, Reference, settings_of
from ftc_runtime.contract import Artifact
from ftc_runtime.stages.sft.spec import Packing
from ftc_runtime.stages.text_tokens.spec import Data as TokensData
from ftc_runtime.stages.text_tokens.spec import Params as TokensParams

Texts = Annotated[str, Reference((Artifact.TEXTS,))]


class Data(TokensData, Packing):
    """How texts become token ids, and these what is trained on."""

    packing: bool = Field(
        default=True,
        description="Fill sequences of max_length tokens with texts that do not see each other",
    )

    def of_tokens(self) -> TokensData:
        """Return what the `text_tokens` stage takes: rows that are packed are the same rows."""
        return TokensData(**{name: getattr(self, name) for name in TokensData.model_fields})


class Item(Finetune):
    """A LoRA adapter trained on texts."""

    method: Literal["pretrain"] = Field(description="Continued pretraining")
    datasets: OneOrMore[Texts] = Field(
        description="What to train on: a list, or a mapping of names to shares"
    )
    eval_dataset: Texts | None = Field(
        default=None, description="Rows whose loss is measured, by training.eval_strategy"
    )
    data: Data = Field(default=Data(), description="How texts become token ids")

    def lower(self, to: Lowering) -> Built:
        """One `text_tokens` stage, shared where data settings are equal, and one `sft` stage."""
        base = to.loaded(self.model, Artifact.MODEL)
        measured = [self.eval_dataset] if self.eval_dataset else []
        tokens = to.stage(
            settings_of(
                self, TokensParams, data=self.data.of_tokens(), shares=shares_of(self.datasets)
            ),
            inputs={
                "tokenizer": base.tokenizer,
                "train": [to.output(name, Artifact.TEXTS) for name in self.datasets],
                "eval": [to.output(name, Artifact.TEXTS) for name in measured],
            },
        )
        data = packs(self.data.packing, self.data.max_length)
        return self.trained(to, base=base, tokens=tokens, data=data, measured=bool(measured))
