"""Stage `dataset`: rows as people keep them, read into conversations and split."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from ftc_runtime import events
from ftc_runtime.contract import StageSpec
from ftc_runtime.data.alpaca import COLUMNS, RowFault, conversation
from ftc_runtime.data.conversation import Conversation
from ftc_runtime.data.holdout import is_held_out
from ftc_runtime.data.reading import RawRow, read_rows
from ftc_runtime.data.rows import row_line, rows_file
from ftc_runtime.data.sample import keep_sample
from ftc_runtime.errors import StageError
from ftc_runtime.models.configs import write_json
from ftc_runtime.stages.dataset.report import Findings
from ftc_runtime.stages.dataset.spec import Params

FAULTS_SHOWN = 5


def run(params: Params, stage: StageSpec) -> None:
    """Write the conversations to `train` and `holdout`, and what was found to `report`."""
    source = stage.source
    if source is None or source.path is None:
        raise StageError(f"{stage.stage} has no file to read", "Write source: data/rows.json")
    findings = Findings()
    with ExitStack() as stack:
        train = stack.enter_context(rows_file(stage.outputs["train"]))
        holdout = stack.enter_context(rows_file(stage.outputs["holdout"]))
        for row in _conversations(source.path, findings):
            line = row_line(row)
            held = _held_out(line, params)
            findings.keep(row, line, held_out=held)
            (holdout if held else train).write(line + "\n")
    _check(source.path, findings)
    if params.rehearsal:
        for part in ("train", "holdout"):
            keep_sample(stage.outputs[part])
    write_json(stage.outputs["report"], findings.json())
    events.done(
        rows=findings.kept,
        dropped=findings.dropped_count,
        train=findings.kept - findings.held_out,
        holdout=findings.held_out,
    )


def _conversations(path: Path, findings: Findings) -> Iterator[Conversation]:
    for row in read_rows(path):
        findings.read += 1
        try:
            yield _conversation(row, findings)
        except RowFault as fault:
            findings.drop(str(fault), row.place)


def _conversation(row: RawRow, findings: Findings) -> Conversation:
    if row.fault is not None:
        raise RowFault(row.fault)
    if isinstance(row.value, dict):
        findings.see_columns(row.value, known=COLUMNS)
    return conversation(row.value)


def _held_out(line: str, params: Params) -> bool:
    holdout = params.holdout
    return holdout is not None and is_held_out(line, fraction=holdout.fraction, seed=holdout.seed)


def _check(path: Path, findings: Findings) -> None:
    """Warn of what was left out; refuse a file of which nothing is left to train on."""
    if not findings.kept:
        raise StageError(
            f"{path.name} has no row that can be used ({findings.read} read)"
            + "".join(f"\n  {fault}" for fault in findings.first_faults(FAULTS_SHOWN)),
            _columns_hint(findings),
        )
    if findings.kept == findings.held_out:
        raise StageError(
            f"every row of {path.name} is held out, so none is left to train on",
            "Lower holdout.fraction, or take another holdout.seed",
        )
    if findings.dropped_count:
        events.warning(
            f"{findings.dropped_count} of {findings.read} rows cannot be used: "
            + "; ".join(findings.first_faults(FAULTS_SHOWN))
        )


def _columns_hint(findings: Findings) -> str:
    if findings.other_columns:
        found = ", ".join(sorted(findings.other_columns))
        return f"An alpaca row has instruction and output; these rows have {found}"
    return 'An alpaca row is {"instruction": "...", "output": "..."}'
