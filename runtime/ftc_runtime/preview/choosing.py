"""Which rows of a part are shown."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from ftc_runtime.data.histogram import histogram, quantile
from ftc_runtime.data.rows import Judged
from ftc_runtime.data.rows import Row as DataRow
from ftc_runtime.errors import StageError
from ftc_runtime.preview.plain import size
from ftc_runtime.preview.question import PreviewChoice
from ftc_runtime.preview.records import Bin, Measured, Row, Version

AT_ONCE = 1000
FIRST_AT_ONCE = 16
SHARES = (0.5, 0.9, 0.99, 1.0)


class View(Protocol):
    """How rows are shown: as they are, or through a template."""

    def sizes(self, rows: Sequence[DataRow]) -> list[tuple[Version, ...]]:
        """Return what becomes of each row, perhaps without its text: many at once."""

    def versions(self, rows: Sequence[DataRow]) -> list[tuple[Version, ...]]:
        """Return what becomes of each row, and its text."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that might be shown. *number* counts from 1, as the part's rows are read."""

    number: int
    place: str
    row: DataRow


@dataclass(frozen=True, slots=True)
class Chooser:
    """Takes of a part's rows those that are wanted."""

    part: str
    view: View
    choice: PreviewChoice

    def first(self, rows: Iterable[Candidate]) -> list[Row]:
        """Return the first ones that are wanted, reading no further."""
        found: list[Row] = []
        for batch in _batches(rows, FIRST_AT_ONCE):
            found += [row for row in self._shown(batch) if self._is_wanted(row)]
            if len(found) >= self.choice.rows:
                break
        return found[: self.choice.rows]

    def numbered(self, rows: Iterable[Candidate]) -> list[Row]:
        """Return the rows of the numbers that are wanted, in that order.

        Raises:
            StageError: if there is no row of such a number.
        """
        numbers = self.choice.numbers
        found = [one for one in islice(rows, max(numbers)) if one.number in numbers]
        shown = {row.number: row for row in self._shown(found)}
        missing = [str(number) for number in numbers if number not in shown]
        if missing:
            raise StageError(
                f"{self.part} has no row {', '.join(missing)}", "Rows are counted from 1"
            )
        return [shown[number] for number in numbers]

    def measured(self, rows: Iterable[Candidate]) -> tuple[Measured, list[int]]:
        """Look at all rows; return what was found, and the numbers of those to be shown."""
        sizes: dict[int, int] = {}
        tally = _Tally()
        for batch in _batches(rows, AT_ONCE):
            outcomes = self.view.sizes([one.row for one in batch])
            for one, versions in zip(batch, outcomes, strict=True):
                row = self._row(one, versions)
                tally.add(row)
                if self._is_wanted(row):
                    sizes[row.number] = row.size
        return tally.measured(), self._picked(sizes)

    def _picked(self, sizes: dict[int, int]) -> list[int]:
        count = self.choice.rows
        match self.choice.order:
            case "longest":
                return sorted(sizes, key=lambda number: (-sizes[number], number))[:count]
            case "shortest":
                return sorted(sizes, key=lambda number: (sizes[number], number))[:count]
            case "random":
                generator = random.Random(self.choice.seed)
                return sorted(generator.sample(sorted(sizes), min(count, len(sizes))))
            case "first":
                return sorted(sizes)[:count]

    def _shown(self, batch: Sequence[Candidate]) -> list[Row]:
        versions = self.view.versions([one.row for one in batch])
        return list(map(self._row, batch, versions))

    def _row(self, one: Candidate, versions: tuple[Version, ...]) -> Row:
        sizes = [
            size(version) if version.tokens is None else version.tokens + version.cut
            for version in versions
        ]
        return Row(
            part=self.part,
            number=one.number,
            place=one.place,
            size=max(sizes),
            label=one.row.label if isinstance(one.row, Judged) else None,
            versions=versions,
        )

    def _is_wanted(self, row: Row) -> bool:
        match self.choice.only:
            case "all":
                return True
            case "kept":
                return row.status != "dropped"
            case status:
                return row.status == status


class _Tally:
    """Counts rows as they go by."""

    def __init__(self) -> None:
        self._kept = self._cut = self._tokens = self._trained = 0
        self._dropped: Counter[str] = Counter()
        self._sizes: Counter[int] = Counter()

    def add(self, row: Row) -> None:
        self._sizes[row.size] += 1
        if row.status == "dropped":
            reasons = [version.reason for version in row.versions if version.reason]
            self._dropped[reasons[0].partition(":")[0]] += 1
            return
        self._kept += 1
        self._cut += row.status == "cut"
        self._tokens += sum(version.tokens or 0 for version in row.versions)
        self._trained += sum(version.trained for version in row.versions)

    def measured(self) -> Measured:
        bins = histogram(self._sizes, least=16)
        return Measured(
            kept=self._kept,
            cut=self._cut,
            dropped=dict(self._dropped),
            tokens=self._tokens,
            trained=self._trained,
            quantiles={f"{share:.0%}": quantile(self._sizes, share) for share in SHARES},
            bins=tuple(
                Bin(upto=int(bound.removeprefix("<=")), rows=int(str(rows)))
                for bound, rows in bins.items()
            ),
        )


def _batches(rows: Iterable[Candidate], count: int) -> Iterator[list[Candidate]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, count)):
        yield batch
