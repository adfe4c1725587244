"""Where rows with a fault are: a few hundred places, and the number of all."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from ftc_runtime.contract import Json

PLACES_KEPT = 200


@dataclass(slots=True)
class Places:
    """Rows that something is to be said of. The first are kept with a detail each."""

    rows: int = 0
    first: dict[str, Json] = field(default_factory=dict)

    def add(self, place: str, detail: Json = None) -> None:
        """Count a row."""
        self.rows += 1
        if len(self.first) < PLACES_KEPT:
            self.first[place] = detail

    def named(self, count: int) -> str:
        """Return the first places in words: `rows 3, 7, ...`."""
        shown = list(self.first)[:count]
        more = ", ..." if self.rows > len(shown) else ""
        return ("row " if self.rows == 1 else "rows ") + ", ".join(shown) + more

    def json(self) -> dict[str, Json]:
        """Return them as JSON: a list of places, or a mapping if they have details."""
        details = any(detail is not None for detail in self.first.values())
        places: Json = dict(self.first) if details else list(self.first)
        return {"rows": self.rows, "places": places}


class PlaceList:
    """The places of many rows in order: 16 bytes each, and the name of each file once."""

    def __init__(self) -> None:
        """Begin with none."""
        self._numbers, self._files = array("q"), array("q")
        self._names: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._numbers)

    def add(self, place: int | str) -> None:
        """Take a place in: a number, or a number behind a file's name and a colon."""
        name, _, number = str(place).rpartition(":")
        self._numbers.append(int(number))
        self._files.append(self._names.setdefault(name, len(self._names)))

    def __getitem__(self, row: int) -> str:
        """Return a place as it was given."""
        name = list(self._names)[self._files[row]]
        return f"{name}:{self._numbers[row]}" if name else str(self._numbers[row])
