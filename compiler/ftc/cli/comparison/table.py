"""The rows of a comparison as text: a table for the settings, one an eval, one of the trainings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ftc.cli.comparison.rows import Row, shown_names
from ftc.plan.explain import ABSENT, shown

WIDEST = 100
TRAINING = {
    "final_loss": "final loss",
    "lowest_loss": "lowest loss",
    "final_eval_loss": "final eval loss",
    "lowest_eval_loss": "lowest eval loss",
    "seconds": "time",
    "peak_bytes": "peak memory",
}
"""How a fact of a training is called, where that is not its name."""


def tables(rows: Sequence[Row], names: Sequence[str]) -> Iterator[str]:
    """Yield the lines. The best of each metric has a star; behind a score is how far it is off."""
    settings = [row for row in rows if row.type == "setting"]
    blocks = [("setting", list(zip(shown_names(settings), settings, strict=True)))]
    for target in dict.fromkeys(row.group for row in rows if row.type == "score"):
        scores = [row for row in rows if row.type == "score" and row.group == target]
        blocks.append((target, [(row.name, row) for row in scores]))
    training = [row for row in rows if row.type == "training"]
    blocks.append(("training", [(TRAINING.get(row.name, row.name), row) for row in training]))

    heads = list(names)
    width = sum(len(name) + 2 for name in names) + max(
        (len(label) for _, block in blocks for label, _ in block), default=0
    )
    if width > WIDEST:
        heads = [f"[{number}]" for number in range(1, len(names) + 1)]
        yield from (f"{head} {name}" for head, name in zip(heads, names, strict=True))
        yield ""
    filled = [(title, block) for title, block in blocks if block]
    for number, (title, block) in enumerate(filled):
        yield from _table(title, block, heads)
        if number + 1 < len(filled):
            yield ""


def _table(title: str, block: Sequence[tuple[str, Row]], heads: Sequence[str]) -> Iterator[str]:
    lines = [[title, *heads], *([label, *_cells(row)] for label, row in block)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads) + 1)]
    for first, *cells in lines:
        aligned = (f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        yield "  ".join([f"{first:<{widths[0]}}", *aligned]).rstrip()


def _cells(row: Row) -> list[str]:
    best = row.best()
    cells = []
    for at, (value, difference) in enumerate(zip(row.values, row.differences(), strict=True)):
        text = _text(row, value)
        if at and difference is not None:
            text += f" ({difference:+g})"
        cells.append(f"*{text}" if at in best else text)
    return cells


def _text(row: Row, value: Any) -> str:
    if value is ABSENT or (value is None and row.type != "setting"):
        return "-"
    if row.name == "seconds":
        minutes, seconds = divmod(round(value), 60)
        return f"{minutes}m{seconds:02}s" if minutes else f"{value:.1f} s"
    if row.name == "peak_bytes":
        return f"{value / 2**30:.1f} GiB"
    return f"{value:g}" if row.type == "score" else shown(value)
