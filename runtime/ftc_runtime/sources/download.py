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
from ftc_runtime.sources.repository import (
    Hub,
    RemoteFile,
    Repository,
    digest_of,
)

CLASSES = {"hf": "huggingface.HuggingFace", "ms": "modelscope.ModelScope"}
FILES_AT_ONCE = 4
SECONDS_BETWEEN_EVENTS = 0.5


def hub_of(repository: Repository) -> Hub:
    """Return the hub's client, importing only that one.

    Raises:
        StageError: if the client is not installed.
    """
    module, _, name = CLASSES[repository.hub].partition(".")
    try:
        client = import_module(f"ftc_runtime.sources.{module}")
    except ModuleNotFoundError as missing:
        message = f"{repository.hub}:// needs {missing.name}, which is not installed"
        extra = "ftc[data]" if repository.kind == "dataset" else "ftc[train]"
        raise StageError(message, f"pip install '{extra}'") from missing
    return cast(Hub, getattr(client, name)())


def fetch_files(
    source: Source, repository: Repository, *, work: Path, taken: Callable[[str], bool]
) -> Path:
    """Bring the files of a pinned source that are *taken* into a folder under *work*.

    What an earlier run left there is used again. Progress is told in bytes. The folder is returned.

    Raises:
        StageError: if a file is gone, or its bytes are not those that were pinned.
    """
    if source.revision is None:
        raise StageError(f"{source.uri} is not pinned to a commit", "Pin it: ftc lock")
    hub = hub_of(repository)
    sizes = {file.path: file.size for file in hub.listing(repository, source.revision).files}
    files = [
        RemoteFile(path, sizes[path], digest)
        for path, digest in source.files.items()
        if path in sizes and taken(path)
    ]
    gone = sorted(source.files.keys() - sizes.keys())
    if gone:
        raise StageError(f"{source.uri} no longer has {', '.join(gone)}", "Pin it again: ftc lock")
    folder = work / "download"
    folder.mkdir(parents=True, exist_ok=True)
    meter = Meter(sum(file.size for file in files))
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        tasks = [
            pool.submit(fetch, hub, repository, file=file, commit=source.revision,
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
    return folder


def fetch(
    hub: Hub,
    repository: Repository,
    *,
    file: RemoteFile,
    commit: str,
    folder: Path,
    received: Callable[[int], None],
) -> Path:
    """Bring one file into *folder* and return where it lies.

    Raises:
        StageError: if its bytes are not those that the hub, or the pin, said.
    """
    path = hub.fetch(repository, file, commit=commit, folder=folder, received=received)
    found = digest_of(path, file.digest)
    if found != file.digest:
        path.unlink()
        raise StageError(
            f"{file.path} of {repository.shown} has the digest {found}, "
            f"but {file.digest} was pinned",
            "Build again to fetch it anew. If it stays so, the hub or what is between changed it",
        )
    return path


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
