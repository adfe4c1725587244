"""Looks, before anything runs, whether what would run finds what its key is made of."""

from __future__ import annotations

from collections.abc import Iterable

from ftc.plan.freshness import Freshness, Status
from ftc.plan.needed import AT_HAND, needed
from ftc_runtime.environment import check_libraries


def hold_libraries(freshness: Freshness, names: Iterable[str]) -> None:
    """See that every stage that a build of *names* may run has the libraries of its key.

    Each stage's process sees to it again. But a training of ten hours is not to end in an export
    for which there is no library.

    Raises:
        StageError: naming every library that is missing or has another version.
    """
    stages = needed(freshness, names)
    libraries = {
        library: version
        for name, stage in stages.items()
        if freshness.states[name].status not in (*AT_HAND, Status.RUNNING)
        for library, version in stage.libraries.items()
    }
    check_libraries(dict(sorted(libraries.items())))
