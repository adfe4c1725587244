"""The curves of trainings, and their picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ftc.cli.comparison.subjects import Subject
from ftc.diagnostics import Diagnostic, ProjectError
from ftc.store.records import Record
from ftc.store.store import Store
from ftc_runtime.contract import SUFFIXES, Artifact

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = (".svg", ".png")
LINES = ("-", "--", "-.", ":")
MARKS = ("o", "s", "^", "D", "v", "P", "X")
MARKS_A_LINE = 12


@dataclass(frozen=True, slots=True)
class Point:
    """One optimiser step of a training."""

    step: int
    loss: float
    tokens: int
    eval_loss: float | None = None


def read_curve(record: Record, store: Store) -> list[Point]:
    """Return the steps of a training; none if its curves are not here."""
    stored = record.outputs.get("curves")
    if stored is None or not store.holds(stored):
        return []
    text = store.path(stored, SUFFIXES[Artifact.TABLE]).read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    return [Point(row["step"], row["loss"], row["tokens"], row.get("eval_loss")) for row in rows]


def draw(compared: Sequence[Subject], store: Store, path: Path) -> None:
    """Draw the loss over the steps of each subject's training, in the format of the path's ending.

    The same curves give the same bytes. Lines differ in dashes and marks as well as in colour.

    Raises:
        ProjectError: if there is no curve, no such format, or no matplotlib.
    """
    curves = [(subject.name, _curve(subject, store)) for subject in compared]
    curves = [(name, curve) for name, curve in curves if curve]
    if path.suffix not in FORMATS:
        raise _fault("wrong-format", f"{path} ends in neither of {' and '.join(FORMATS)}", None)
    if not curves:
        raise _fault("no-curves", "none of these has been trained here", "`ftc build` trains them")
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        message = "matplotlib draws the picture, and it is not installed"
        raise _fault("missing-extra", message, "pip install 'ftc[plot]'") from error
    # A picture holds no date, no version, and no identifier that is drawn by lot.
    metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    with matplotlib.rc_context({"svg.hashsalt": "ftc", "svg.fonttype": "path"}):
        figure = Figure(figsize=(8, 5), layout="constrained")
        axes = figure.add_subplot(xlabel="optimiser step", ylabel="loss")
        for number, (name, curve) in enumerate(curves):
            _draw_one(axes, number, name, curve)
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
        figure.savefig(path, dpi=150, metadata=metadata)


def _draw_one(axes: Axes, number: int, name: str, curve: Sequence[Point]) -> None:
    """Draw one training: a line for its loss, and empty marks for its loss on the eval rows."""
    color, mark = f"C{number % 10}", MARKS[number % len(MARKS)]
    axes.plot(
        [point.step for point in curve],
        [point.loss for point in curve],
        linestyle=LINES[number % len(LINES)],
        color=color,
        marker=mark,
        markevery=max(1, len(curve) // MARKS_A_LINE),
        label=name,
    )
    measured = [(point.step, point.eval_loss) for point in curve if point.eval_loss is not None]
    if measured:
        axes.plot(
            [step for step, _ in measured],
            [loss for _, loss in measured],
            linestyle="",
            color=color,
            marker=mark,
            markersize=9,
            markerfacecolor="white",
            label=f"{name}, eval loss",
        )


def _curve(subject: Subject, store: Store) -> list[Point]:
    record = subject.training()
    return read_curve(record, store) if record else []


def _fault(code: str, message: str, help: str | None) -> ProjectError:
    return ProjectError([Diagnostic(code, message, help=help)])
