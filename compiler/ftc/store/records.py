"""Action records: what a key gave. A key without a record has not been built."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ftc.store.objects import Stored

RECORD_SCHEMA = 1
REHEARSAL = "rehearsal"
"""In the spec of every rehearsed key, and behind a dot at the end of the owner of its refs."""
NO_CHECKSUM = "0" * 64
"""What a record of an earlier ftc has, which held none."""


class Record(NamedTuple):
    """What running a stage gave. *preimage* is what its key is made of; *facts* are for people."""

    key: str
    preimage: dict[str, Any]
    outputs: dict[str, Stored]
    facts: Mapping[str, Any] = {}


FIELDS = {"schema", *Record._fields}


def is_rehearsed(preimage: Mapping[str, Any]) -> bool:
    """Say whether a record of this preimage comes from a rehearsal: nobody's result."""
    return preimage["spec"].get(REHEARSAL) is True


class Failure(NamedTuple):
    """Why a stage ended without its outputs. *time* is in seconds since 1970."""

    message: str
    hint: str | None = None
    time: float = 0.0


def encode_record(record: Record) -> bytes:
    """Return the record as JSON, for people to read too. It holds a checksum of itself."""
    outputs = {name: stored._asdict() for name, stored in record.outputs.items()}
    plain = {
        "schema": RECORD_SCHEMA,
        **record._asdict(),
        "outputs": outputs,
        "checksum": NO_CHECKSUM,
    }
    data = json.dumps(plain, ensure_ascii=False, indent=1, sort_keys=True).encode()
    return data.replace(NO_CHECKSUM.encode(), _checksum(data).encode(), 1)


def decode_record(data: bytes) -> Record:
    """Return the record of a text that `encode_record` made.

    Raises:
        ValueError: for any other text, such as half of one, or one that was changed.
    """
    try:
        plain = json.loads(data)
        checksum = plain.pop("checksum", NO_CHECKSUM)
        blank = data.replace(checksum.encode(), NO_CHECKSUM.encode(), 1)
        if checksum not in (NO_CHECKSUM, _checksum(blank)) or plain.keys() != FIELDS:
            raise ValueError("the record is not what it was")
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


def _checksum(data: bytes) -> str:
    """The checksum of a record whose own is still blank."""
    return hashlib.sha256(data).hexdigest()
