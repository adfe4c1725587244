"""What the `dataset` stage finds in a file of rows."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import Conversation
from ftc_runtime.data.rows import Judged, Preference, Row, row_line


@dataclass(slots=True)
class Findings:
    """Counts of rows, and why some were left out. Memory: 32 bytes for each row that is kept."""

    read: int = 0
    kept: int = 0
    held_out: int = 0
    duplicates: int = 0
    dropped: dict[str, list[int | str]] = field(default_factory=dict)
    """Reason -> places: lines of a .jsonl, numbers from 1 in a .json."""
    other_columns: Counter[str] = field(default_factory=Counter)
    """Columns that are not read -> rows that have them."""
    _rows: dict[bool, set[bytes]] = field(default_factory=lambda: {False: set(), True: set()})
    _prompts: dict[bool, Counter[bytes]] = field(
        default_factory=lambda: {False: Counter(), True: Counter()}
    )

    @property
    def dropped_count(self) -> int:
        """Rows that were left out."""
        return sum(map(len, self.dropped.values()))

    def drop(self, reason: str, place: int | str) -> None:
        """Note that a row cannot be used."""
        self.dropped.setdefault(reason, []).append(place)

    def keep(self, row: Row, line: str, *, held_out: bool) -> None:
        """Note a row, as what it means and as its canonical line, and its side."""
        self.kept += 1
        self.held_out += held_out
        digest = _digest(line)
        self.duplicates += digest in self._rows[held_out]
        self._rows[held_out].add(digest)
        self._prompts[held_out][_digest(_prompt(row))] += 1

    def see_columns(self, columns: Iterable[str], *, known: tuple[str, ...]) -> None:
        """Note the columns of a row that are not read."""
        self.other_columns.update(name for name in columns if name not in known)

    def first_faults(self, count: int) -> list[str]:
        """Return the first faults in the order of the file, as words."""
        faults = [(place, reason) for reason, places in self.dropped.items() for place in places]
        # Places of one set are all numbers, or all names with numbers.
        faults.sort(key=lambda fault: (isinstance(fault[0], str), fault[0]))
        shown = [f"row {place}: {reason}" for place, reason in faults[:count]]
        return shown + (["..."] if len(faults) > count else [])

    def json(self) -> Json:
        """Return the report.

        `leakage` counts held-out rows that are also in the train part, which cannot be, and those
        whose prompt alone is, with another answer.
        """
        train, holdout = self._prompts[False], self._prompts[True]
        return {
            "rows": self.read,
            "kept": self.kept,
            "dropped": {reason: list(places) for reason, places in self.dropped.items()},
            "duplicates": self.duplicates,
            "train": self.kept - self.held_out,
            "holdout": self.held_out,
            "leakage": {
                "rows": len(self._rows[False] & self._rows[True]),
                "prompts": sum(count for prompt, count in holdout.items() if prompt in train),
            },
            "columns_not_read": dict(self.other_columns),
        }


def _prompt(row: Row) -> str:
    """Return what a row asks, as a canonical line."""
    match row:
        case Preference(prompt):
            return row_line(prompt)
        case Judged(conversation) | (Conversation() as conversation):
            return row_line(conversation.upto(len(conversation.messages) - 1))
    return row_line(row)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:16]
