"""`gc:` what `ftc gc` keeps for this project. One mapping, without names; in no key."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from ftc.project.schema import Item as BaseItem


class Item(BaseItem):
    """What to keep in the store. What no project uses goes in any case."""

    section: ClassVar = "gc"
    makes: ClassVar = {}

    keep: Literal["all", "exports"] = Field(
        default="all",
        description="all results in use, or only the files of exports, finetunes and evals",
    )
    keep_refs: list[str] = Field(
        default=[],
        description="Git branches and tags, as patterns: what their ftc.lock names is kept",
    )
    grace: str = Field(
        default="24h",
        pattern=r"^[0-9]{1,6}[hd]$",
        description="how long everything is kept: hours or days, such as 24h or 7d",
    )
