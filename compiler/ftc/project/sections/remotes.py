"""`remotes:` caches that a team shares. Operational: no remote is in a key."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from ftc.project.schema import Item as BaseItem


class Item(BaseItem):
    """A place that results are fetched from, tried in file order, and pushed to."""

    section: ClassVar = "remotes"
    makes: ClassVar = {}

    url: str = Field(
        min_length=1, description="s3://bucket/prefix, gs://bucket/prefix, https:// or a folder"
    )
    access: Literal["read", "read-write"] = Field(
        default="read", description="read-write lets `ftc push` write: most often for CI alone"
    )
    storage_options: dict[str, JsonValue] = Field(
        default={}, description="What fsspec's filesystem takes: endpoint_url, key, token and so on"
    )
