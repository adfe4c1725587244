"""Writes ftc.lock: one leaf a line, sorted, whole or not at all."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ftc.lockfile import FILE_NAME
from ftc.lockfile.lock import UNSET, VERSION, Content, Lock, LockedStage, Pin

HEADER = "# Written by ftc: commit it. After a merge conflict `ftc lock` makes it again."
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def write(root: Path, lock: Lock) -> None:
    """Write the lock beside project.yaml, unless it stands there already."""
    place, text = root / FILE_NAME, rendered(lock)
    if place.is_file() and place.read_text(encoding="utf-8") == text:
        return
    beside = root / f".{FILE_NAME}.{os.getpid()}"
    beside.write_text(text, encoding="utf-8")
    beside.replace(place)


def rendered(lock: Lock) -> str:
    """Return the lock's text."""
    sources: dict[str, Pin | Content] = {**lock.contents, **lock.pins}
    parts = [
        f"{HEADER}\nversion = {VERSION}",
        *(["[env]\n" + "\n".join(_lines(lock.env))] if lock.env else []),
        *(_source(uri, source) for uri, source in sorted(sources.items())),
        *(rendered_stage(name, stage) for name, stage in sorted(lock.stages.items())),
    ]
    return "\n\n".join(parts) + "\n"


def rendered_stage(name: str, stage: LockedStage) -> str:
    """Return the block of one stage."""
    image = stage.preimage
    made_on = {key: value for key, value in stage.made_on._asdict().items() if value}
    outputs = {
        output: {"artifact": image["outputs"][output], **stored._asdict()}
        for output, stored in stage.outputs.items()
    }
    return "\n".join(
        [
            f"[stage.{_quoted(name)}]",
            f"key = {_quoted(stage.key)}",
            f"kind = {_quoted(image['kind'])}",
            f"version = {image['version']}",
            f"schema = {image['schema']}",
            f"reproduces = {_quoted(stage.reproduces)}",
            *_leaves("spec", image["spec"]),
            *_lines(image["inputs"], "inputs."),
            *_lines(image["libraries"], "libraries."),
            *_lines(outputs, "outputs."),
            *_lines(made_on, "made_on."),
        ]
    )


def _source(uri: str, source: Pin | Content) -> str:
    head = f"[source.{_quoted(uri)}]"
    if isinstance(source, Content):
        return f"{head}\ndigest = {_quoted(source.digest)}\nbytes = {source.size}"
    files = f"[source.{_quoted(uri)}.files]"
    return "\n".join(
        [f"{head}\nrevision = {_quoted(source.revision)}\n\n{files}", *_lines(source.files)]
    )


def _lines(table: Mapping[str, Any], above: str = "") -> Iterator[str]:
    return (f"{above}{_key(key)} = {_value(value)}" for key, value in sorted(table.items()))


def _leaves(path: str, value: Any) -> Iterable[str]:
    """A line for each leaf: `spec.lora.r = 16`. An empty spec needs none."""
    if isinstance(value, dict) and (value or path == "spec"):
        for key, part in sorted(value.items()):
            yield from _leaves(f"{path}.{_key(key)}", part)
    else:
        yield f"{path} = {_value(value)}"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _quoted(key)


def _value(value: Any) -> str:
    if value is None:
        value = UNSET
    if isinstance(value, Mapping):
        inside = ", ".join(_lines(value))
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_value(part) for part in value)}]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    """A TOML basic string: as JSON has it, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
