"""Command `resolve`: what a hub's name means right now, pinned."""

from __future__ import annotations

from ftc_runtime.contract import Json, Resolve
from ftc_runtime.models.hubs.download import resolve


def run(command: Resolve) -> Json:
    """Return the `Source`: its commit, and a digest for each of its files."""
    answer: Json = resolve(command.uri, command.revision).model_dump(mode="json")
    return answer
