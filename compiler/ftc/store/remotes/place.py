"""What a remote must be able to do: a few verbs over names, for a folder and for any bucket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from ftc_runtime.contract import Json


class Address(NamedTuple):
    """A remote as project.yaml has it. *options* still hold `${NAME}` as it is written."""

    name: str
    url: str
    writable: bool
    options: dict[str, Json]
    folder: Path
    """Where a path in *url* starts."""


class RemoteFault(Exception):
    """A remote cannot be used: it does not answer, or does not let us in."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        """*message* names the remote and what is wrong with it, *hint* the way out."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class Place(Protocol):
    """Files by name, slashes between. Used by many threads at once.

    Every verb raises RemoteFault when the place does not answer or denies it.
    """

    def read(self, name: str) -> bytes | None:
        """Return a small file, or None if there is none."""

    def names(self, folder: str) -> list[str]:
        """Return the names of all files below a folder; none from a place that cannot list."""

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes, or None if there is none."""

    def download(self, name: str, *, start: int, size: int, sink: Callable[[bytes], None]) -> None:
        """Give *sink* the bytes from *start* on, in order; *size* is what the whole should have.

        A file that is gone gives none.
        """

    def upload(self, file: Path, name: str, *, sent: Callable[[int], None]) -> None:
        """Put a file there, whole or not at all. *sent* gets the bytes of each part that went."""

    def create(self, name: str, data: bytes) -> bool:
        """Put a small file there unless there is one. Return whether this was done."""

    def replace(self, name: str, data: bytes) -> None:
        """Put a small file there, over what there was."""

    def forbids_writing(self) -> str | None:
        """Return why nothing can be written there, or None."""
