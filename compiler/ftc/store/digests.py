"""Digests: a file by its bytes, a folder by the canonical listing of its files."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

PREFIX = "sha256:"
HASHING_THREADS = 8
PIECE_BYTES = 1 << 22

Item = TypeVar("Item")
Result = TypeVar("Result")


class Entry(NamedTuple):
    """One file of a folder. The size is in bytes."""

    digest: str
    size: int
    executable: bool = False


Listing = Mapping[str, Entry]
"""Path within the folder, with slashes -> file. An empty folder is not in it."""


def digest_of_bytes(data: bytes) -> str:
    """Return `sha256:<hex>` of *data*."""
    return PREFIX + hashlib.sha256(data).hexdigest()


def digest_of_file(path: Path, told: Callable[[int], None] | None = None) -> str:
    """Return `sha256:<hex>` of the content, which is what hubs, OCI and git-lfs say of a file.

    *told* gets the size of each piece, in bytes, when it has been read.

    Raises:
        OSError: when it cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        if told is None:
            return PREFIX + hashlib.file_digest(file, "sha256").hexdigest()
        digest, buffer = hashlib.sha256(), bytearray(PIECE_BYTES)
        while read := file.readinto(buffer):
            digest.update(memoryview(buffer)[:read])
            told(read)
        return PREFIX + digest.hexdigest()


def in_parallel(
    work: Callable[[Item], Result], items: Sequence[Item], *, threads: int = HASHING_THREADS
) -> list[Result]:
    """Return the results in order. Hashing leaves the interpreter, so threads do help.

    The threads are daemons, unlike those of an executor: Ctrl-C need not wait for a big file.
    """
    waiting = deque(enumerate(items))
    results: dict[int, Result] = {}
    errors: list[Exception] = []

    def drain() -> None:
        while not errors:
            try:
                index, item = waiting.popleft()
            except IndexError:
                return
            try:
                results[index] = work(item)
            except Exception as error:
                errors.append(error)

    count = min(threads, len(items) - 1)
    helpers = [threading.Thread(target=drain, daemon=True) for _ in range(count)]
    for helper in helpers:
        helper.start()
    try:
        drain()
        for helper in helpers:
            helper.join()
    finally:
        waiting.clear()
    if errors:
        raise errors[0]
    return [results[index] for index in range(len(items))]


def encode_listing(listing: Listing) -> bytes:
    """Return the one text of a listing. Its digest is the folder's."""
    plain = {path: _plain(entry) for path, entry in listing.items()}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # A name in a foreign encoding is no text, and still a name.
    return text.encode("utf-8", "surrogateescape")


def decode_listing(data: bytes) -> dict[str, Entry]:
    """Return the listing of a text that `encode_listing` made.

    Raises:
        ValueError: for any other text.
    """
    try:
        plain = json.loads(data.decode("utf-8", "surrogateescape"))
        return {
            path: Entry(entry["digest"], entry["size"], entry.get("executable", False))
            for path, entry in plain.items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("this is no listing of a folder") from error


def _plain(entry: Entry) -> dict[str, Any]:
    plain: dict[str, Any] = {"digest": entry.digest, "size": entry.size}
    if entry.executable:
        plain["executable"] = True
    return plain
