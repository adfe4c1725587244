"""`exports:` what leaves the project. One module a `format`."""

from __future__ import annotations

from pydantic import Field

from ftc.project.schema import Item
from ftc_runtime.stages.card.spec import Card


class Export(Item):
    """What every form of export has."""

    card: Card = Field(default=Card(), description="What its model card says that ftc cannot know")
