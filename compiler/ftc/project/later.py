"""Keys and values that belong to a later version of ftc: refused by name, never ignored."""

from __future__ import annotations

from collections.abc import Sequence

from ftc.project.source import KeyPath
from ftc_runtime.contract import Json


def later_key(section: str | None, path: KeyPath) -> str | None:
    """Return what this version does not do yet, if *path* is a key for that."""
    return None


def later_value(section: str, path: KeyPath, value: Json) -> str | None:
    """Return what this version does not do yet, if *value* asks for that."""
    return None


def later_reference(section: str, path: KeyPath, targets: Sequence[str]) -> str | None:
    """Return what this version does not do yet, if a reference to *targets* asks for that."""
    if section == "finetunes" and path == ("model",) and "finetunes" in targets:
        return "this version of ftc does not start a finetune from another finetune yet"
    return None
