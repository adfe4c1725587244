"""Two locks compared: what came, what went, and what changed in it, leaf by leaf."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from ftc.lockfile.lock import Content, Lock, LockedStage, Pin
from ftc.plan.explain import ABSENT, Change, changes
from ftc.plan.stages import Stage
from ftc.store.objects import Stored


class OutputChange(NamedTuple):
    """An output on both sides; None where one has it not."""

    name: str
    before: Stored | None
    now: Stored | None

    @property
    def equal(self) -> bool:
        """Are the bytes the same?"""
        return self.before == self.now


class StageChange(NamedTuple):
    """A stage that is not in both locks as it is in one."""

    stage: str
    how: Literal["came", "went", "changed"]
    changes: tuple[Change, ...] = ()
    outputs: tuple[OutputChange, ...] = ()


def head_changes(before: Lock, now: Lock) -> list[Change]:
    """Return what differs in the versions of libraries and in the sources."""
    old, new = dict(_head(before)), dict(_head(now))
    return [
        Change(name, old.get(name, ABSENT), new.get(name, ABSENT))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def stage_changes(before: Lock, now: Lock, stages: Mapping[str, Stage]) -> Iterator[StageChange]:
    """Give each stage that came, went or changed, by name.

    *stages* are those of a plan, for what a lock leaves out: defaults, and lines of project.yaml.
    """
    for name in sorted(before.stages.keys() | now.stages.keys()):
        old, new = before.stages.get(name), now.stages.get(name)
        if old is None or new is None:
            how: Literal["came", "went"] = "went" if new is None else "came"
            yield StageChange(name, how, outputs=outputs_changed(_outputs(old), _outputs(new)))
        elif (old.key, old.outputs) != (new.key, new.outputs):
            leaves = changes(old.preimage, new.preimage, stage=stages.get(name))
            yield StageChange(name, "changed", leaves, outputs_changed(old.outputs, new.outputs))


def outputs_changed(
    before: Mapping[str, Stored], now: Mapping[str, Stored]
) -> tuple[OutputChange, ...]:
    """Return every output of both sides, by name."""
    names = sorted(before.keys() | now.keys())
    return tuple(OutputChange(name, before.get(name), now.get(name)) for name in names)


def _outputs(entry: LockedStage | None) -> Mapping[str, Stored]:
    return entry.outputs if entry else {}


def _head(lock: Lock) -> Iterator[tuple[str, Any]]:
    yield from ((f"env.{name}", version) for name, version in lock.env.items())
    sources: dict[str, Pin | Content] = {**lock.contents, **lock.pins}
    for uri, source in sources.items():
        yield uri, source.revision if isinstance(source, Pin) else source.digest
