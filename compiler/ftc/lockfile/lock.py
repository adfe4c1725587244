"""What ftc.lock holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ftc.store.objects import Stored

VERSION = 1
UNSET = {"unset": True}
"""How TOML, which has no null, says that a setting is set to nothing."""


class Pin(NamedTuple):
    """A hub's repository at one commit: its files and their digests."""

    revision: str
    """The commit."""
    files: dict[str, str]
    """Path -> `sha256:<hex>`, or `git:<hex>` where the hub has only a blob id."""


class Content(NamedTuple):
    """A path or a package's file as it was read last."""

    digest: str
    size: int
    """In bytes; that of a folder is the sum of its files."""


class MadeOn(NamedTuple):
    """What moves the last bits of a stage that repeats on like hardware only."""

    instruction_set: str | None = None
    threads: int | None = None
    aten_cpu_capability: str | None = None
    """torch was told to use no more than these instructions."""
    resumed: bool = False
    """It went on from a checkpoint."""


class LockedStage(NamedTuple):
    """One stage as it was built: all that its key is made of, and what came out."""

    key: str
    preimage: dict[str, Any]
    reproduces: str
    outputs: dict[str, Stored]
    made_on: MadeOn = MadeOn()


class Lock(NamedTuple):
    """All of ftc.lock. A source is filed under its `address`."""

    env: Mapping[str, str] = {}
    """Library -> the version that the keys hold."""
    pins: Mapping[str, Pin] = {}
    contents: Mapping[str, Content] = {}
    stages: Mapping[str, LockedStage] = {}


def address(uri: str, revision: str | None) -> str:
    """Return what a source is filed under: its URI, and `@revision` where one is asked for."""
    return f"{uri}@{revision}" if revision else uri
