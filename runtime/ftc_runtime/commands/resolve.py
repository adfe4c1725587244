"""Command `resolve`: what a hub's name, or a cloud's, means right now, pinned."""

from __future__ import annotations

from ftc_runtime.contract import Json, Resolve
from ftc_runtime.sources import cloud, datasets, models
from ftc_runtime.sources.repository import DATASET


def run(command: Resolve) -> Json:
    """Return the `Source`: its commit, and a digest for each of its files."""
    source = datasets if DATASET.fullmatch(command.uri) else models
    if not command.uri.startswith(("hf://", "ms://")):
        source = cloud
    answer: Json = source.resolve(command.uri, command.revision).model_dump(mode="json")
    return answer
