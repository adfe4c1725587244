"""The rows of `train` or of `eval`, made and written batch by batch: none is kept."""

from __future__ import annotations

from ftc_runtime import events
from ftc_runtime.data.leakage import Leakage
from ftc_runtime.data.tokens import TokenWriter
from ftc_runtime.stages.tokens.reading import Mixture
from ftc_runtime.stages.tokens.report import Part
from ftc_runtime.stages.tokens.rows import RowMaker


def written_part(
    name: str,
    rows: Mixture,
    maker: RowMaker,
    writer: TokenWriter,
    *,
    leakage: Leakage | None = None,
) -> Part:
    """Write the rows, and return what was seen while they were made."""
    part = Part(name)
    total = len(rows)
    done = 0
    for batch in rows.batches():
        made = maker.make([row.conversation for row in batch])
        for row, outcome in zip(batch, made, strict=True):
            part.add(row.place, outcome)
            if outcome.row is not None:
                writer.write(outcome.row)
                if leakage is not None:
                    leakage.add(row.conversation, row.place, measured=name == "eval")
        done += len(batch)
        events.progress(done, max(done, total), unit="row", part=name)
    return part
