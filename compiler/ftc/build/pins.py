"""Pins a hub's name to a commit and its files' digests, once, in ftc.lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ftc import lockfile
from ftc.build.ask import ask
from ftc.plan.sources import Sources
from ftc.plan.stages import Stage
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
        lockfile.address(stage.source.uri, stage.source.revision): stage.source
        for stage in stages
        if stage.source is not None and sources.find(stage.source).unpinned
    }
    for address, source in wanted.items():
        say(f"asking for the newest commit of {address}")
        answer = Source.model_validate_json(ask(Resolve(uri=source.uri, revision=source.revision)))
        pin = lockfile.Pin(answer.revision or "", answer.files)
        if not keep:
            sources.add_pin(address, pin)
            continue
        lock = lockfile.read(sources.root)
        lock.pins[address] = pin
        lockfile.write(sources.root, lock)
        sources.forget_lock()
