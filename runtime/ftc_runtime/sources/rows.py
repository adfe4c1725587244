"""Rows that are not on this machine: brought from a hub or from cloud storage."""

from __future__ import annotations

from pathlib import Path

from ftc_runtime import events
from ftc_runtime.contract import Source
from ftc_runtime.sources.repository import HUBS


def bring(source: Source, *, work: Path) -> Path:
    """Return the folder under *work* that holds the pinned files of a dataset, and no other.

    Raises:
        StageError: if a file is gone, or its bytes are not those that were pinned.
    """
    events.phase(f"downloading {source.uri}")
    if source.uri.startswith(HUBS):
        from ftc_runtime.sources.datasets import download as of_a_hub

        return of_a_hub(source, work=work)
    from ftc_runtime.sources.cloud import download as of_a_cloud

    return of_a_cloud(source, work=work)
