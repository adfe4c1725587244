"""Asks a hub or a cloud what a name means now: a commit, and its files' digests."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ftc.build.ask import ask
from ftc.lockfile.lock import Pin, address
from ftc.lockfile.reading import read
from ftc.lockfile.writing import write
from ftc.plan.locate import HUBS
from ftc.plan.sources import Sources
from ftc.plan.stages import OutsideSource, Stage
from ftc_runtime.contract import Resolve, Source


def pin(
    stages: Iterable[Stage], sources: Sources, *, say: Callable[[str], None], keep: bool = True
) -> None:
    """Ask the hubs for every source of *stages* that ftc.lock does not hold, and write it there.

    Without *keep* only *sources* gets to know it.

    Raises:
        AskError: if a hub does not answer or does not have it.
    """
    wanted = {
        address(stage.source.uri, stage.source.revision): stage.source
        for stage in stages
        if stage.source is not None and sources.find(stage.source).unpinned
    }
    for name, source in wanted.items():
        newest = newest_pin(source, say=say)
        sources.add_pin(name, newest)
        if keep:
            lock = read(sources.root)
            write(sources.root, lock._replace(pins={**lock.pins, name: newest}))


def newest_pin(source: OutsideSource, *, say: Callable[[str], None]) -> Pin:
    """Return what a hub has under the source's name now.

    Raises:
        AskError: if the hub does not answer or does not have it.
    """
    what = "the newest commit" if source.uri.startswith(HUBS) else "what there is now"
    say(f"asking for {what} of {address(source.uri, source.revision)}")
    answer = Source.model_validate_json(ask(Resolve(uri=source.uri, revision=source.revision)))
    return Pin(answer.revision or "", answer.files)
