"""A row as it is in its file, before anything is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row and its place: the line it begins in, or its number from 1 where lines mean nothing."""

    place: int
    value: Any = None
    fault: str | None = None
    """Why there is no value."""
    file: str = ""
    """The file's name in its folder, if a folder is read."""

    @property
    def where(self) -> int | str:
        """Return the place as it is reported: `7`, or `part-1.jsonl:7`."""
        return f"{self.file}:{self.place}" if self.file else self.place

    @property
    def columns(self) -> list[str]:
        """Return the names of its columns as a report can hold them."""
        names = self.value if isinstance(self.value, dict) else ()
        return [str(name).encode(errors="backslashreplace").decode() for name in names]
