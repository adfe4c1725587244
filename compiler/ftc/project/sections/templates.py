"""`templates:` chat templates of the project's own, each a change to another one."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ftc.project.schema import Item as BaseItem
from ftc_runtime.templates.definition import Slots


class Item(Slots, BaseItem):
    """A chat template. In a slot, `{{content}}` is the message; `{{bos}}` and `{{eos}}` tokens."""

    section: ClassVar = "templates"
    makes: ClassVar = {}

    extends: str = Field(
        default="empty", description="The template that this one changes: built-in, or another here"
    )
