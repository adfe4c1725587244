"""`models:` the base models."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from ftc.project.schema import Built, Loaded, Lowering, Reference, settings_of
from ftc.project.schema import Item as BaseItem
from ftc_runtime.contract import Artifact
from ftc_runtime.stages.model.spec import Params
from ftc_runtime.stages.template.spec import Params as TemplateParams
from ftc_runtime.templates.definition import Thinks


class Item(Thinks, Params, BaseItem):
    """A base model and where it comes from."""

    section: ClassVar = "models"
    makes: ClassVar = {
        "model": Artifact.MODEL,
        "tokenizer": Artifact.TOKENIZER,
        "report": Artifact.REPORT,
    }

    source: str = Field(
        description="hf://org/name, ms://org/name, a path, package://pkg/file.gguf, or scratch://"
    )
    revision: str | None = Field(
        default=None, description="A branch, tag or commit of a hub's model, to override the lock"
    )
    template: str = Field(
        default="auto",
        description="auto is the model's own; else a built-in one, or one of `templates`",
    )
    tokenizer: Annotated[str, Reference((Artifact.TOKENIZER,))] | None = Field(
        default=None, description="For scratch://: the model whose tokenizer to take"
    )

    def lower(self, to: Lowering) -> Built:
        """One `model` stage, and a `template` stage if somebody may speak to it."""
        made = to.stage(
            settings_of(self, Params),
            inputs={
                "tokenizer": to.output(self.tokenizer, Artifact.TOKENIZER)
                if self.tokenizer
                else None
            },
            source=self.source,
            revision=self.revision,
        )
        links = {".": made["model"], "report.json": made["report"]}
        if to.only_lends():
            return Built(made, links)
        chat = to.stage(
            TemplateParams(**dict(to.chat(self.template, self.enable_thinking))),
            inputs={"tokenizer": made["tokenizer"]},
        )
        loaded = Loaded(
            made["model"],
            made["tokenizer"],
            chat=chat["chat"],
            carries_chat=self.template == "auto",
        )
        return Built(made, {**links, "template.json": chat["report"]}, {"model": loaded})
