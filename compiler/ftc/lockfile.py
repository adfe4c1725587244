"""ftc.lock: what a hub's name was resolved to, so that the next build means the same bytes.

Sorted, without times or hosts, one block a source: git merges it, and it can be made again.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

FILE_NAME = "ftc.lock"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Pin:
    """A hub's repository at one commit: its files and their digests."""

    revision: str
    """The commit."""
    files: dict[str, str] = field(default_factory=dict)
    """Path -> `sha256:<hex>`, or `git:<hex>` where the hub has only a blob id."""


@dataclass(frozen=True, slots=True)
class Lock:
    """The pins of a project, by address: the URI, and `@revision` where one is asked for."""

    pins: dict[str, Pin] = field(default_factory=dict)


def address(uri: str, revision: str | None) -> str:
    """Return what a pin is filed under."""
    return f"{uri}@{revision}" if revision else uri


def read(root: Path) -> Lock:
    """Return the lock beside project.yaml; an empty one if there is none.

    Raises:
        ProjectError: if the file is no lock of this version.
    """
    path = root / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Lock()
    import tomllib

    try:
        document = tomllib.loads(text)
        if document.get("version") != VERSION:
            raise ValueError(f"its version is {document.get('version')!r}, not {VERSION}")
        pins = {
            name: Pin(str(block["revision"]), {str(k): str(v) for k, v in block["files"].items()})
            for name, block in document.get("source", {}).items()
        }
    except (KeyError, AttributeError, ValueError) as error:
        from ftc.diagnostics import Diagnostic, ProjectError

        message = f"{path} cannot be read: {error}"
        help = "resolve its merge conflict, or delete it to pin anew"
        raise ProjectError([Diagnostic("lock", message, help=help)]) from error
    return Lock(pins)


def write(root: Path, lock: Lock) -> None:
    """Write the lock, whole or not at all."""
    lines = ["# Written by ftc. Commit it.", f"version = {VERSION}"]
    for name, pin in sorted(lock.pins.items()):
        lines += ["", f"[source.{_quoted(name)}]", f"revision = {_quoted(pin.revision)}"]
        lines += ["", f"[source.{_quoted(name)}.files]"]
        lines += [
            f"{_quoted(path)} = {_quoted(digest)}" for path, digest in sorted(pin.files.items())
        ]
    beside = root / f".{FILE_NAME}.{os.getpid()}"
    beside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    beside.replace(root / FILE_NAME)


def _quoted(text: str) -> str:
    """A TOML basic string: for our texts the same as JSON's."""
    return json.dumps(text, ensure_ascii=False)
