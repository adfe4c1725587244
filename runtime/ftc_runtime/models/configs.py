"""The JSON files of a model folder, in one form.

What a library adds on saving and nobody asked for is left out: the path that a model was loaded
from, the version that saved it.
"""

from __future__ import annotations

import json
from pathlib import Path

from ftc_runtime.contract import Json

ACCIDENTS = frozenset({"_name_or_path", "name_or_path", "transformers_version", "_commit_hash"})
"""Keys that say where or by what a file was saved, not what the model is."""


def canonical_text(value: Json) -> str:
    """Return the JSON text of a value: sorted keys, two spaces, a newline at the end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write_json(path: Path, value: Json) -> None:
    """Write a value in the one form of its JSON."""
    path.write_text(canonical_text(value), encoding="utf-8")


def without_accidents(value: Json) -> Json:
    """Return a config, at all its depths, without what says where or by what it was saved."""
    if isinstance(value, dict):
        return {key: without_accidents(item) for key, item in value.items() if key not in ACCIDENTS}
    if isinstance(value, list):
        return [without_accidents(item) for item in value]
    return value
