"""The plan: every stage that a project needs, and the targets made of them.

Named tuples, so that a cached plan is read without pydantic: on the way of `ftc status` a frozen
dataclass costs 0.5 ms to define, and the module that defines it 5 ms to import.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

CARDS = "cards"
"""The section of targets that are model cards: the file has none of that name."""
CARD_SUFFIX = ".card"
"""`merged-gguf.card` is the card of `merged-gguf`."""


class Edge(NamedTuple):
    """One named output of another stage."""

    stage: str
    output: str


class OutsideSource(NamedTuple):
    """What a stage reads from outside: a path, a package's file, a hub, or nothing (scratch://).

    *path* is where it lies on this machine, None for a hub, for scratch:// and for the file of a
    package that is not installed.
    """

    uri: str
    revision: str | None = None
    path: Path | None = None


class Stage(NamedTuple):
    """One stage, resolved as far as can be without running anything."""

    name: str
    """`kind:item`, with a suffix where an item has several: `quantize:merged-gguf.q8_0`."""
    kind: str
    version: int
    params: dict[str, Any]
    """Every setting, for the process."""
    semantic: dict[str, Any]
    """Those that enter the key, without defaults."""
    defaults: dict[str, Any]
    """Leaf (`lora.r`) -> the value that *semantic* leaves out."""
    inputs: dict[str, Edge]
    """Role -> output. A role that takes many is `train.0`, `train.1`."""
    outputs: dict[str, str]
    """Output -> kind of artifact."""
    libraries: dict[str, str]
    """Library -> version, as far as they can change the result."""
    reproduces: str
    lines: dict[str, int | str]
    """Key in *semantic* (`lora`, `lora.r`) -> line of project.yaml, or the argument that sets it
    (`-s assistant.lora.r=8`); "" is the item's own line."""
    source: OutsideSource | None = None
    devices: int = 0
    """The GPUs that it uses, on a machine that has any."""
    resumes: bool = False
    """Whether a run goes on from what an earlier one saved."""


class Target(NamedTuple):
    """Something a user can name: an item or a variant, or one output of it (`merged-gguf.q8_0`)."""

    name: str
    section: str
    links: dict[str, Edge]
    """What `out/<name>/` shows: a path there -> the output. "." spreads a folder there."""
    output: str | None = None
    """The output that it is (`q8_0`); None for a whole item."""
    variant_of: str | None = None
    """The name that stands for it and for all other variants of its item."""

    def stages(self) -> list[str]:
        """Return the stages that make it, each once, without those before them."""
        return list(dict.fromkeys(edge.stage for edge in self.links.values()))


class Plan(NamedTuple):
    """Stages in an order in which they can run, and targets in file order."""

    project: str
    root: Path
    file: Path
    stages: dict[str, Stage]
    targets: dict[str, Target]
    keep: str = "all"
    """What `ftc gc` keeps: `all` results in use, or the files of `exports` and the like alone."""
    keep_refs: tuple[str, ...] = ()
    """Patterns of git refs whose ftc.lock counts as use."""
    grace: str = "24h"
    """How long everything is kept."""
    read: Mapping[str, str] = {}
    """Path of each registry that it was made from -> its sha256."""
    notes: tuple[str, ...] = ()
    """What is as it should be, and yet to be known."""

    def closure(self, names: Iterable[str]) -> dict[str, Stage]:
        """Return the named stages and all that they need, in the plan's order."""
        return closure(self.stages, names)


def closure(stages: Mapping[str, Stage], names: Iterable[str]) -> dict[str, Stage]:
    """Return the named stages and all that they need, in the order of *stages*."""
    wanted: set[str] = set()
    stack = list(names)
    while stack:
        name = stack.pop()
        if name not in wanted:
            wanted.add(name)
            stack.extend(edge.stage for edge in stages[name].inputs.values())
    return {name: stage for name, stage in stages.items() if name in wanted}
