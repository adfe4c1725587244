"""The JSON files of a model folder, in one form.

What a library adds on saving and nobody asked for is left out: the path that a model was loaded
from, the version that saved it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ftc_runtime.contract import Json
from ftc_runtime.errors import StageError

ACCIDENTS = frozenset(
    {
        "_name_or_path",
        "name_or_path",
        "_model_name_or_path",
        "_commit_hash",
        "transformers_version",
        "is_local",
        "local_files_only",
    }
)
"""Keys that say where or by what a file was saved, not what the model is."""


def canonical_text(value: Json) -> str:
    """Return the JSON text of a value: sorted keys, two spaces, a newline at the end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write_json(path: Path, value: Json) -> None:
    """Write a value in the one form of its JSON."""
    path.write_text(canonical_text(value), encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file's object.

    Raises:
        StageError: if it is not one.
    """
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise StageError(f"{path.name} is not JSON: {error}", "Fetch it again") from error
    if not isinstance(value, dict):
        raise StageError(f"{path.name} holds no object", "Fetch it again")
    return value


def without_accidents(value: Json) -> Json:
    """Return a config, at all its depths, without what says where or by what it was saved."""
    if isinstance(value, dict):
        return {key: without_accidents(item) for key, item in value.items() if key not in ACCIDENTS}
    if isinstance(value, list):
        return [without_accidents(item) for item in value]
    return value
