"""Action records: what a key gave. A key without a record has not been built."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ftc.store.objects import Stored

RECORD_SCHEMA = 1


class Record(NamedTuple):
    """What running a stage gave. *preimage* is what its key is made of; *facts* are for people."""

    key: str
    preimage: dict[str, Any]
    outputs: dict[str, Stored]
    facts: Mapping[str, Any] = {}


class Failure(NamedTuple):
    """Why a stage ended without its outputs. *time* is in seconds since 1970."""

    message: str
    hint: str | None = None
    time: float = 0.0


def encode_record(record: Record) -> bytes:
    """Return the record as JSON, for people to read too."""
    outputs = {name: stored._asdict() for name, stored in record.outputs.items()}
    plain = {"schema": RECORD_SCHEMA, **record._asdict(), "outputs": outputs}
    return json.dumps(plain, ensure_ascii=False, indent=1, sort_keys=True).encode()


def decode_record(data: bytes) -> Record:
    """Return the record of a text that `encode_record` made.

    Raises:
        ValueError: for any other text, such as half of one.
    """
    try:
        plain = json.loads(data)
        if plain["schema"] != RECORD_SCHEMA:
            raise ValueError(f"a record of schema {plain['schema']}")
        outputs = {name: Stored(**stored) for name, stored in plain["outputs"].items()}
        return Record(plain["key"], plain["preimage"], outputs, plain["facts"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("this is no record") from error


def encode_failure(failure: Failure) -> bytes:
    """Return the failure as JSON."""
    return json.dumps(failure._asdict(), ensure_ascii=False).encode()


def decode_failure(data: bytes) -> Failure:
    """Return the failure of a text that `encode_failure` made.

    Raises:
        ValueError: for any other text.
    """
    try:
        return Failure(**json.loads(data))
    except TypeError as error:
        raise ValueError("this is no failure") from error
