"""Files of rows read as one, line by line, so that none has to fit into memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from ftc_runtime.data.rows import Row, read_lines
from ftc_runtime.stages.tokens.mixing import at_random, draws, in_turns
from ftc_runtime.stages.tokens.spec import Mixing, Share

COUNTED_AT_ONCE = 1 << 20
BATCH_ROWS = 1000
BATCH_CHARACTERS = 1 << 22
"""What is tokenised at once. Long rows are fewer, since a token takes some 100 bytes meanwhile."""

RowT = TypeVar("RowT", bound=Row)


@dataclass(frozen=True, slots=True)
class Numbered(Generic[RowT]):
    """A row with its line in its file of rows, and with its file if there are several."""

    place: str
    row: RowT
    characters: int
    """Of its line."""


@dataclass(frozen=True, slots=True)
class _Source:
    number: int
    path: Path
    share: Share
    rows: int

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield each line with its number from 1, as often as it is to be repeated."""
        for _ in range(self.share.repeat):
            yield from enumerate(read_lines(self.path), start=1)

    def again_and_again(self) -> Iterator[tuple[int, str]]:
        while True:
            yield from self.lines()

    def weighed(self, seed: int) -> Iterator[tuple[int, str]]:
        """Yield the lines as often as the weight says: whole copies, and a share of the rows."""
        copies, share = divmod(1.0 if self.share.weight is None else self.share.weight, 1)
        for _ in range(int(copies)):
            yield from self.lines()
        if share:
            yield from (line for line in self.lines() if _is_taken(line[1], share, seed=seed))


class Mixture(Generic[RowT]):
    """The rows of several files in the order that a mix gives them."""

    def __init__(
        self,
        files: Sequence[Path],
        row_of: Callable[[str, Path], RowT],
        mixing: Mixing | None = None,
        shares: Sequence[Share] = (),
    ) -> None:
        """*row_of* reads a line of a file; *shares* are those of the files, or all is taken."""
        self._row_of = row_of
        self.mixing = mixing or Mixing()
        self._sources = [
            _Source(number, path, share, _line_count(path))
            for number, (path, share) in enumerate(
                zip(files, shares or [Share()] * len(files), strict=True)
            )
        ]

    def __len__(self) -> int:
        """Return how many rows there are; of a share that a hash takes, how many are expected."""
        if self.mixing.mix == "concat":
            return sum(
                round(source.rows * source.share.repeat * (source.share.weight or 1))
                for source in self._sources
            )
        return sum(1 for _ in self._order())

    def __iter__(self) -> Iterator[Numbered[RowT]]:
        """Yield the rows."""
        several = len(self._sources) > 1
        for source, line, text in self._lines():
            place = f"{source.number}:{line}" if several else str(line)
            yield Numbered(place, self._row_of(text, source.path), len(text))

    def batches(self) -> Iterator[list[Numbered[RowT]]]:
        """Yield the rows in lists that are not too long to be tokenised at once."""
        batch: list[Numbered[RowT]] = []
        characters = 0
        for row in self:
            batch.append(row)
            characters += row.characters
            if len(batch) == BATCH_ROWS or characters >= BATCH_CHARACTERS:
                yield batch
                batch, characters = [], 0
        if batch:
            yield batch

    def _lines(self) -> Iterator[tuple[_Source, int, str]]:
        if self.mixing.mix == "concat":
            for source in self._sources:
                for line, text in source.weighed(self.mixing.mix_seed):
                    yield source, line, text
            return
        given = [source.again_and_again() for source in self._sources]
        for number in self._order():
            line, text = next(given[number])
            yield self._sources[number], line, text

    def _order(self) -> Iterator[int]:
        rows = [source.rows * source.share.repeat for source in self._sources]
        weights = [source.share.weight for source in self._sources]
        if weights == [None] * len(weights):
            return in_turns(rows, self.mixing.mix)
        drawn = draws([weight or 1.0 for weight in weights], seed=self.mixing.mix_seed)
        return at_random(rows, self.mixing.mix, drawn)


def _line_count(path: Path) -> int:
    with path.open("rb") as file:
        parts = iter(lambda: file.read(COUNTED_AT_ONCE), b"")
        return sum(part.count(b"\n") for part in parts)


def _is_taken(line: str, share: float, *, seed: int) -> bool:
    # Other words than the holdout's, or the rows that are left would not be a fair choice.
    digest = hashlib.sha256(f"mix {seed}\n{line}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64
