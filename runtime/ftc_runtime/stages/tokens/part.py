"""The rows of `train` or of `eval`, made and written batch by batch: none is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from ftc_runtime import events
from ftc_runtime.data.leakage import Leakage
from ftc_runtime.data.rows import Row
from ftc_runtime.data.tokens import TokenWriter
from ftc_runtime.stages.tokens.reading import Mixture
from ftc_runtime.stages.tokens.report import Part
from ftc_runtime.stages.tokens.rows import Made

Taken = TypeVar("Taken", bound=Row, contravariant=True)
RowT = TypeVar("RowT", bound=Row)


class Maker(Protocol[Taken]):
    """Turns rows of one type into token rows."""

    def make(self, rows: Sequence[Taken], /) -> list[Made]:
        """Return what became of each row."""


def written_part(
    name: str,
    rows: Mixture[RowT],
    maker: Maker[RowT],
    writer: TokenWriter,
    *,
    leakage: Leakage | None = None,
) -> Part:
    """Write the rows, and return what was seen while they were made."""
    part = Part(name)
    total = len(rows)
    done = 0
    for batch in rows.batches():
        made = maker.make([row.row for row in batch])
        for row, outcome in zip(batch, made, strict=True):
            part.add(row.place, outcome)
            for piece in outcome.rows:
                writer.write(piece)
            if outcome.rows and leakage is not None:
                leakage.add(row.row, row.place, measured=name == "eval")
        done += len(batch)
        events.progress(done, max(done, total), unit="row", part=name)
    return part
