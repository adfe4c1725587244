"""What the `dataset` stage finds in rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ftc_runtime.contract import Json
from ftc_runtime.data.contents import Contents
from ftc_runtime.data.leakage import Leakage, Leaks, Repeats
from ftc_runtime.data.places import Places
from ftc_runtime.data.rows import Row

FAULTS_KEPT = 20
REASONS_KEPT = 50
OTHER_REASONS = "other reasons"
COLUMNS_KEPT = 200
EMPTY = re.compile(r"\bempty\b")
"""What the reasons have in common of rows in which nothing is asked or answered."""


@dataclass(slots=True)
class Findings:
    """Counts of rows, and why some were left out. Memory: some 80 bytes for each row."""

    read: int = 0
    kept: int = 0
    held_out: int = 0
    dropped: dict[str, Places] = field(default_factory=dict)
    """Reason -> places: lines of a .jsonl, numbers from 1 in a .json."""
    empty: Places = field(default_factory=Places)
    """Rows left out since a question or an answer is empty."""
    other_columns: Counter[str] = field(default_factory=Counter)
    """Columns that are not read -> rows that have them."""
    contents: Contents = field(default_factory=Contents)
    _faults: list[str] = field(default_factory=list)
    _repeats: Repeats = field(default_factory=Repeats)
    _leakage: Leakage = field(default_factory=Leakage)

    @property
    def dropped_count(self) -> int:
        """Rows that were left out."""
        return sum(places.rows for places in self.dropped.values())

    def drop(self, reason: str, place: int | str) -> None:
        """Note that a row cannot be used. What stands behind `: ` in a reason is a detail."""
        kind, _, detail = reason.partition(": ")
        if kind not in self.dropped and len(self.dropped) >= REASONS_KEPT:
            kind, detail = OTHER_REASONS, reason
        self.dropped.setdefault(kind, Places()).add(str(place), detail or None)
        if EMPTY.search(kind):
            self.empty.add(str(place))
        if len(self._faults) < FAULTS_KEPT:
            self._faults.append(f"row {place}: {reason}")

    def keep(self, row: Row, line: str, place: int | str, *, held_out: bool) -> None:
        """Note a row, as what it means and as its canonical line, and its side."""
        self.kept += 1
        self.held_out += held_out
        self._repeats.add(line, place)
        self._leakage.add(row, place, measured=held_out, line=line)
        self.contents.add(row)

    def see_columns(self, columns: Iterable[str], *, known: tuple[str, ...]) -> None:
        """Note the columns of a row that are not read."""
        for name in columns:
            if name not in known and (
                name in self.other_columns or len(self.other_columns) < COLUMNS_KEPT
            ):
                self.other_columns[name] += 1

    def first_faults(self, count: int) -> list[str]:
        """Return the first faults in the order of the file, as words."""
        return self._faults[:count] + (["..."] if self.dropped_count > count else [])

    def duplicates(self) -> Places:
        """Return the rows that are there before."""
        return self._repeats.found()

    def leaks(self) -> Leaks:
        """Return the held-out rows of which something is in the train part."""
        return self._leakage.found()

    def json(self, duplicates: Places, leaks: Leaks) -> Json:
        """Return the report."""
        return {
            "rows": self.read,
            "kept": self.kept,
            "not_drawn": self.read - self.kept - self.dropped_count,
            "dropped": {reason: places.json() for reason, places in self.dropped.items()},
            "empty": self.empty.rows,
            "duplicates": duplicates.json(),
            "train": self.kept - self.held_out,
            "holdout": self.held_out,
            "leakage": leaks.json(),
            "contents": self.contents.json(),
            "columns_not_read": dict(self.other_columns),
        }
