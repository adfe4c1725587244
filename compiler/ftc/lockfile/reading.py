"""Reads ftc.lock: whole, its head, or one stage's block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from ftc.lockfile import FILE_NAME
from ftc.lockfile.blocks import (
    has_conflict,
    head_of,
    sides_of,
    stage_blocks,
    text_of,
)
from ftc.lockfile.lock import UNSET, VERSION, Content, Lock, LockedStage, MadeOn, Pin
from ftc.store.objects import Stored


def read(root: Path) -> Lock:
    """Return the lock beside project.yaml; an empty one if there is none.

    Raises:
        ProjectError: if the file is no lock that this ftc reads.
    """
    return parse(text_of(root), name=str(root / FILE_NAME))


def read_head(root: Path) -> Lock:
    """Return the lock without its stages, of which there may be a thousand.

    Raises:
        ProjectError: if the file is no lock that this ftc reads.
    """
    return parse(head_of(text_of(root)), name=str(root / FILE_NAME))


class LockedStages:
    """The lock's stages one by one, for the few that are asked for. The file is read once."""

    def __init__(self, root: Path) -> None:
        """*root* is the project's folder; without a lock in it there is no stage."""
        self._blocks = stage_blocks(text_of(root))

    def get(self, stage: str) -> LockedStage | None:
        """Return what the lock says of a stage. What cannot be read says nothing."""
        block = self._blocks.get(stage)
        if block is None:
            return None
        import tomllib

        try:
            return _stage(tomllib.loads(block)["stage"][stage])
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


def parse(text: str, *, name: str) -> Lock:
    """Return the lock of a text; *name* is what the text is called in a complaint.

    Raises:
        ProjectError: if it is no lock that this ftc reads.
    """
    import tomllib

    if not text.strip():
        return Lock()
    if has_conflict(text):
        raise _error(f"{name} holds a merge conflict", "`ftc lock` makes one lock of both sides")
    try:
        document = tomllib.loads(text)
        _hold_version(document.get("version"), name)
        return _lock(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{name} cannot be read: {_words(error)}"
        help = "take it back from git, or delete it: `ftc lock` makes it anew"
        raise _error(message, help) from error


def read_merged(root: Path) -> Lock:
    """Return the lock, or where a merge left a conflict in it what both sides have, ours first.

    Raises:
        ProjectError: if the file is no lock that this ftc reads.
    """
    name = str(root / FILE_NAME)
    ours, theirs = (parse(side, name=name) for side in sides_of(text_of(root)))
    return Lock(
        env={**theirs.env, **ours.env},
        pins={**theirs.pins, **ours.pins},
        contents={**theirs.contents, **ours.contents},
        stages={**theirs.stages, **ours.stages},
    )


def _hold_version(version: object, name: str) -> None:
    if isinstance(version, int) and version > VERSION:
        message = f"{name} is of version {version}; this ftc reads {VERSION}"
        raise _error(message, "it was written by a newer ftc: update this one")
    if version != VERSION:
        raise ValueError(f"its version is {version!r}, not {VERSION}")


def _error(message: str, help: str) -> Exception:
    from ftc.diagnostics import Diagnostic, ProjectError

    return ProjectError([Diagnostic("lock", message, help=help)])


def _words(error: Exception) -> str:
    return f"there is no {error}" if isinstance(error, KeyError) else str(error)


def _lock(document: dict[str, Any]) -> Lock:
    sources = document.get("source", {})
    return Lock(
        env={name: str(version) for name, version in document.get("env", {}).items()},
        pins={
            uri: Pin(str(block["revision"]), {path: str(d) for path, d in block["files"].items()})
            for uri, block in sources.items()
            if "revision" in block
        },
        contents={
            uri: Content(str(block["digest"]), int(block["bytes"]))
            for uri, block in sources.items()
            if "revision" not in block
        },
        stages={name: _stage(block) for name, block in document.get("stage", {}).items()},
    )


def _stage(block: dict[str, Any]) -> LockedStage:
    outputs = block["outputs"]
    preimage = {
        "schema": block["schema"],
        "kind": block["kind"],
        "version": block["version"],
        "spec": _with_nulls(block.get("spec", {})),
        "inputs": block.get("inputs", {}),
        "libraries": block.get("libraries", {}),
        "outputs": {name: output["artifact"] for name, output in outputs.items()},
    }
    made = dict(_made_on(block.get("made_on", {})))
    return LockedStage(
        str(block["key"]), preimage, str(block["reproduces"]), _outputs(outputs), MadeOn(**made)
    )


def _outputs(blocks: dict[str, Any]) -> dict[str, Stored]:
    return {
        name: Stored(str(one["digest"]), int(one["size"]), one["kind"])
        for name, one in blocks.items()
    }


def _made_on(block: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a newer ftc may add here is no reason to refuse the lock."""
    return ((name, block[name]) for name in MadeOn._fields if name in block)


def _with_nulls(value: Any) -> Any:
    if value == UNSET:
        return None
    if isinstance(value, dict):
        return {key: _with_nulls(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_nulls(part) for part in value]
    return cast(Any, value)
