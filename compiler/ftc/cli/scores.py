"""The scores of an eval as a table: what is measured down, metrics across, the baseline first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ftc.cli.console import Console

SCORES_FILE = "scores.json"


@dataclass(frozen=True, slots=True)
class Scores:
    """One model's means."""

    model: str
    values: dict[str, float]


def read_scores(view: Path) -> list[Scores]:
    """Return what an eval's view shows, in the view's order; empty for any other target."""
    record = json.loads((view / "record.json").read_text(encoding="utf-8"))
    paths = [path for path in record["outputs"] if path.endswith(f"/{SCORES_FILE}")]
    return [
        Scores(path.removesuffix(f"/{SCORES_FILE}"), json.loads((view / path).read_text("utf-8")))
        for path in paths
    ]


def print_scores(target: str, scores: list[Scores], console: Console) -> None:
    """Print the table, numbers aligned right."""
    if console.json:
        console.records(
            {"type": "scores", "target": target, "model": row.model, "scores": row.values}
            for row in scores
        )
        return
    metrics = list(dict.fromkeys(name for row in scores for name in row.values))
    width = max(len(target), *(len(row.model) for row in scores))
    widths = [max(len(name), 6) for name in metrics]
    console.data(_row(target, width, metrics, widths))
    for row in scores:
        cells = [f"{row.values.get(name, float('nan')):g}" for name in metrics]
        console.data(_row(row.model, width, cells, widths))


def _row(head: str, width: int, cells: list[str], widths: list[int]) -> str:
    return "  ".join(
        [f"{head:<{width}}", *(f"{c:>{w}}" for c, w in zip(cells, widths, strict=True))]
    )
