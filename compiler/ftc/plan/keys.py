"""The key of a stage: sha256 of the canonical JSON of everything that can change its result."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from typing import Any

from ftc.plan.stages import Stage

KEY_SCHEMA = 1
DOMAIN = b"ftc-action-v1\n"


def preimage(stage: Stage, inputs: Mapping[str, str]) -> dict[str, Any]:
    """Return what the key is made of. *inputs*: role -> digest, with `source` where there is one.

    It is stored with the result, so that a rerun can be explained leaf by leaf. No name, path or
    time is in it: renaming a target rebuilds nothing.
    """
    return {
        "schema": KEY_SCHEMA,
        "kind": stage.kind,
        "version": stage.version,
        "spec": stage.semantic,
        "inputs": dict(inputs),
        "libraries": stage.libraries,
        "outputs": stage.outputs,
    }


def key_of(preimage: Mapping[str, Any]) -> str:
    """Return the key, 64 hex digits."""
    return hashlib.sha256(DOMAIN + canonical(preimage)).hexdigest()


def canonical(value: Any) -> bytes:
    """Return the one JSON text of a value: sorted keys, no spaces, UTF-8, NFC, no NaN.

    Raises:
        ValueError: for NaN or infinity, which JSON does not have.
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    # Text that looks the same is the same: an editor may store é in two ways.
    return unicodedata.normalize("NFC", text).encode()
