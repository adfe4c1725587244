"""The files of a pinned commit, brought here and checked byte by byte."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import cast

from ftc_runtime import events
from ftc_runtime.contract import Source
from ftc_runtime.errors import StageError
from ftc_runtime.models.files import is_code, wanted
from ftc_runtime.models.hubs.repository import (
    Hub,
    Listing,
    RemoteFile,
    Repository,
    digest_of,
    parse,
)

CLASSES = {"hf": "huggingface.HuggingFace", "ms": "modelscope.ModelScope"}
FILES_AT_ONCE = 4
SECONDS_BETWEEN_EVENTS = 0.5


def hub_of(repository: Repository) -> Hub:
    """Return the hub's client, importing only that one."""
    module, _, name = CLASSES[repository.hub].partition(".")
    return cast(Hub, getattr(import_module(f"ftc_runtime.models.hubs.{module}"), name)())


def resolve(uri: str, revision: str | None) -> Source:
    """Return a hub's model pinned to the commit that it is at now, with a digest for each file.

    Raises:
        StageError: if the model is not there, not open, or has no safetensors.
    """
    repository = parse(uri)
    listing = hub_of(repository).listing(repository, revision)
    files = _taken(repository, listing, code=True)
    return Source(
        uri=uri,
        revision=listing.commit,
        files={file.path: file.digest for file in sorted(files.values(), key=lambda f: f.path)},
    )


def _taken(repository: Repository, listing: Listing, *, code: bool) -> dict[str, RemoteFile]:
    """Return the files that make up the model, by their paths in the folder that is meant."""
    inside = {
        relative: file
        for file in listing.files
        if (relative := repository.relative(file.path)) is not None
    }
    if repository.is_file and inside:
        return inside
    try:
        return {name: inside[name] for name in wanted(inside, code=code)}
    except StageError as fault:
        where = f" in {repository.inside}" if repository.inside else ""
        message = f"{repository.hub}://{repository.name}{where}: {fault.message}"
        raise StageError(message, fault.hint) from fault


def download(source: Source, *, work: Path, code: bool) -> Path:
    """Bring the files of a pinned source into a folder under *work* and return it.

    What an earlier run left there is used again. Progress is told in bytes.

    Raises:
        StageError: if a file is gone, or its bytes are not those that were pinned.
    """
    repository = parse(source.uri)
    if source.revision is None:
        raise StageError(f"{source.uri} is not pinned to a commit", "Pin it: ftc lock")
    hub = hub_of(repository)
    sizes = {file.path: file.size for file in hub.listing(repository, source.revision).files}
    files = [
        RemoteFile(path, sizes[path], digest)
        for path, digest in source.files.items()
        if path in sizes and (code or not is_code(path))
    ]
    gone = sorted(source.files.keys() - sizes.keys())
    if gone:
        raise StageError(f"{source.uri} no longer has {', '.join(gone)}", "Pin it again: ftc lock")
    folder = work / "download"
    folder.mkdir(parents=True, exist_ok=True)
    meter = Meter(sum(file.size for file in files))
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        tasks = [
            pool.submit(_fetch, hub, repository, file=file, commit=source.revision,
                        folder=folder, received=meter.add)
            for file in files
        ]  # fmt: skip
        try:
            for task in tasks:
                task.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    meter.tell()
    return folder / repository.inside if not repository.is_file else folder


def _fetch(
    hub: Hub,
    repository: Repository,
    *,
    file: RemoteFile,
    commit: str,
    folder: Path,
    received: Callable[[int], None],
) -> None:
    path = hub.fetch(repository, file, commit=commit, folder=folder, received=received)
    found = digest_of(path, file.digest)
    if found != file.digest:
        path.unlink()
        raise StageError(
            f"{file.path} of {repository.hub}://{repository.name} has the digest {found}, "
            f"but {file.digest} was pinned",
            "Build again to fetch it anew. If it stays so, the hub or what is between changed it",
        )


class Meter:
    """Counts the bytes that several threads receive, and tells of them now and then."""

    def __init__(self, total: int) -> None:
        """*total*: bytes to come."""
        self._total = total
        self._done = 0
        self._told = 0.0
        self._lock = threading.Lock()

    def add(self, size: int) -> None:
        """Note that *size* bytes have come; a client that starts over gives a negative number."""
        with self._lock:
            self._done += size
            if time.monotonic() - self._told >= SECONDS_BETWEEN_EVENTS:
                self._told = time.monotonic()
                self.tell()

    def tell(self) -> None:
        """Say how far the download is."""
        events.progress(min(self._done, self._total), self._total, unit="byte")
