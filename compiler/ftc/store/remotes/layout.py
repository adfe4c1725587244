"""Where things lie in a remote, and what a text from there must be to be believed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from ftc.store.digests import PREFIX, Entry, decode_listing, digest_of_bytes
from ftc.store.records import Record, decode_record

RECORD_NAME = re.compile(r"ac/[0-9a-f]{2}/([0-9a-f]{64})\.json")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def blob_name(digest: str) -> str:
    """Return where the blob lies under the remote's url."""
    name = digest.removeprefix(PREFIX)
    return f"cas/{name[:2]}/{name}"


def record_name(key: str) -> str:
    """Return where the key's record lies under the remote's url."""
    return f"ac/{key[:2]}/{key}.json"


def keys_of_records(names: Iterable[str]) -> list[str]:
    """Return the keys whose records have these names."""
    return [match[1] for name in names if (match := RECORD_NAME.fullmatch(name))]


def believed_record(data: bytes, key: str) -> Record:
    """Return the record of *key* that a remote gave.

    Raises:
        ValueError: for anything else: half of one, another key's, names that are no digests.
    """
    record = decode_record(data)
    if record.key != key:
        raise ValueError(f"it is the record of {record.key}")
    for stored in record.outputs.values():
        _check(stored.digest, stored.size)
        if stored.kind not in ("file", "tree"):
            raise ValueError(f"an output of kind {stored.kind}")
    return record


def believed_listing(data: bytes, digest: str) -> dict[str, Entry]:
    """Return the files of a tree whose listing a remote gave.

    Raises:
        ValueError: for other bytes, and for files that would lie outside of the tree.
    """
    if digest_of_bytes(data) != digest:
        raise ValueError(f"its bytes are not those of {digest}")
    listing = decode_listing(data)
    for path, entry in listing.items():
        _check(entry.digest, entry.size)
        parts = PurePosixPath(path).parts
        if not parts or path != "/".join(parts) or ".." in parts or "\0" in path:
            raise ValueError(f"{path!r} is no path within a folder")
    return listing


def _check(digest: object, size: object) -> None:
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise ValueError(f"{digest!r} is no digest")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(f"{size!r} is no size")
