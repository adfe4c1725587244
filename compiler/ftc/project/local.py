"""`ftc.local.yaml`: what is so on this machine only, merged over project.yaml and kept out of git.

Only sections that are in no key may stand in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ftc.diagnostics import Diagnostic, listed, suggestion
from ftc.project.later import later_key
from ftc.project.reading.nodes import Node, merged, with_children
from ftc.project.reading.source import parse
from ftc.project.reading.text import read
from ftc.project.sections import OPERATIONAL, SECTIONS
from ftc.project.wanted import found

LOCAL_FILE = "ftc.local.yaml"


@dataclass(frozen=True, slots=True)
class Local:
    """The settings of this machine, and what is wrong with the file's outer shape."""

    root: Node | None = None
    faults: list[Diagnostic] = field(default_factory=list)
    texts: dict[Path, str] = field(default_factory=dict)
    """The file's text, for the lines and carets; none where there is no file."""


def read_local(folder: Path, environment: Mapping[str, str]) -> Local:
    """Return what stands in the folder's ftc.local.yaml.

    Raises:
        ProjectError: if it cannot be read, or is no YAML.
    """
    path = folder / LOCAL_FILE
    if not path.exists():
        return Local()
    text = read(path)
    root = parse(path, text, environment)
    if root is None or root.value is None:
        return Local(texts={path: text})
    if not isinstance(root.value, dict):
        message = f"{path.name} holds keys and values, but {found(root.value)}"
        return Local(None, [Diagnostic("wrong-type", message, root.place)], {path: text})
    faults = [_foreign_key(key, root) for key in root.keys if key not in OPERATIONAL]
    return Local(root, faults, {path: text})


def with_local(root: Node | None, local: Node | None) -> Node | None:
    """Return project.yaml with the settings of this machine over its own."""
    if root is None or local is None or not isinstance(root.value, dict):
        return root
    own = {name: node for name, node in local.children.items() if name in OPERATIONAL}
    over: dict[str | int, Node] = {
        name: merged(root.children.get(name), node) for name, node in own.items()
    }
    keys = {str(name): local.keys[str(name)] for name in own}
    return with_children(root, root.children | over, keys | root.keys)


def _foreign_key(key: str, root: Node) -> Diagnostic:
    place = root.keys[key]
    if later := later_key(None, (key,)):
        return Diagnostic("not-yet", later, place)
    if key in SECTIONS:
        message = f"`{key}` says what is built, and {LOCAL_FILE} only where and with what"
        return Diagnostic("unknown-key", message, place, "write it in project.yaml")
    help = suggestion(key, OPERATIONAL) or f"it may have {listed(OPERATIONAL)}"
    return Diagnostic("unknown-key", f"{LOCAL_FILE} has no key `{key}`", place, help)
