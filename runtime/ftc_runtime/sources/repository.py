"""A place on a hub, of a model or a dataset, and what a hub says about it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import parse_qsl

from ftc_runtime.errors import StageError

HUBS = ("hf://", "ms://")
URI = re.compile(r"(hf|ms)://([\w.-]+/[\w.-]+)(?:/(.+?))?/?")
DATASET = re.compile(r"(hf|ms)://datasets/([\w.-]+(?:/[\w.-]+)?)/?(?:\?(.*))?")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of a hub, `hf` or `ms`: `org/name`, and the folder or file that is meant."""

    hub: str
    name: str
    inside: str = ""
    kind: Literal["model", "dataset"] = "model"

    @property
    def shown(self) -> str:
        """Its address, for people."""
        return f"{self.hub}://{'datasets/' if self.kind == 'dataset' else ''}{self.name}"

    @property
    def is_file(self) -> bool:
        """Tell whether one GGUF file is meant."""
        return self.inside.endswith(".gguf")

    def relative(self, path: str) -> str | None:
        """Return a path of the repository as seen from the folder that is meant, or None."""
        if self.is_file:
            return path.rpartition("/")[2] if path == self.inside else None
        if not self.inside:
            return path
        return path.removeprefix(f"{self.inside}/") if path.startswith(f"{self.inside}/") else None


@dataclass(frozen=True, slots=True)
class Part:
    """What is meant of a hub's dataset: a split, of a subset or of the files of a folder."""

    split: str = "train"
    subset: str | None = None
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository. *digest* is `sha256:<hex>` of its content or `git:<blob id>`."""

    path: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Listing:
    """All files of a repository at a commit."""

    commit: str
    files: tuple[RemoteFile, ...]


class Hub(Protocol):
    """What is asked of a hub. Every method raises StageError for what the user can act on."""

    def listing(self, repository: Repository, revision: str | None) -> Listing:
        """Return the commit that a revision (None: the main branch) is at, and its files."""

    def fetch(
        self,
        repository: Repository,
        file: RemoteFile,
        *,
        commit: str,
        folder: Path,
        received: Callable[[int], None],
    ) -> Path:
        """Download a file into *folder*, resuming what is there; tell *received* of each chunk."""


def parse(uri: str) -> Repository:
    """Return the repository that `hf://org/name[/inside]` or `ms://org/name` means.

    Raises:
        StageError: for any other text.
    """
    match = URI.fullmatch(uri)
    if match is None:
        raise StageError(f"{uri} is no model on a hub", "Write hf://org/name or ms://org/name")
    if match[2].startswith(("datasets/", "spaces/")):
        raise StageError(f"{uri} is not a model", "Write hf://org/name")
    return Repository(match[1], match[2], match[3] or "")


def parse_dataset(uri: str) -> tuple[Repository, Part]:
    """Return the dataset that `hf://datasets/org/name?split=...&subset=...&folder=...` means.

    Raises:
        StageError: for any other text.
    """
    match = DATASET.fullmatch(uri)
    if match is None:
        raise StageError(f"{uri} is no dataset on a hub", "Write hf://datasets/org/name")
    return Repository(match[1], match[2], kind="dataset"), Part(**dict(parse_qsl(match[3] or "")))


def digest_of(path: Path, like: str) -> str:
    """Return a file's digest, of the kind that *like* is: `sha256:` or `git:`."""
    if like.startswith("git:"):
        blob = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                blob.update(chunk)
        return f"git:{blob.hexdigest()}"
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
