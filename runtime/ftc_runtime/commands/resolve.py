"""Command `resolve`: what a name on a hub or in cloud storage means right now, pinned."""

from __future__ import annotations

from ftc_runtime.contract import Json, Resolve, Source
from ftc_runtime.sources.repository import DATASET, HUBS


def run(command: Resolve) -> Json:
    """Return the `Source`: its commit, and a digest for each of its files."""
    answer: Json = _resolved(command.uri, command.revision).model_dump(mode="json")
    return answer


def _resolved(uri: str, revision: str | None) -> Source:
    """Import only what the place needs."""
    if not uri.startswith(HUBS):
        from ftc_runtime.sources import cloud

        return cloud.resolve(uri)
    if DATASET.fullmatch(uri):
        from ftc_runtime.sources import datasets

        return datasets.resolve(uri, revision)
    from ftc_runtime.sources import models

    return models.resolve(uri, revision)
