"""Stage `dataset`: rows as people keep them, read into conversations and split."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import PurePath

from ftc_runtime import events
from ftc_runtime.contract import Source, StageSpec
from ftc_runtime.data.drawing import Placed, drawn
from ftc_runtime.data.formats.converting import columns_read, converted
from ftc_runtime.data.formats.values import RowFault
from ftc_runtime.data.holdout import is_held_out
from ftc_runtime.data.rows import row_line, rows_file
from ftc_runtime.data.sample import keep_sample
from ftc_runtime.errors import StageError
from ftc_runtime.models.configs import write_json
from ftc_runtime.stages.dataset.checks import FAULTS_SHOWN, check_bars, warn
from ftc_runtime.stages.dataset.report import Findings
from ftc_runtime.stages.dataset.source import rows_of
from ftc_runtime.stages.dataset.spec import Params


def run(params: Params, stage: StageSpec) -> None:
    """Write the rows to `train` and `holdout`, and what was found to `report`."""
    source = stage.source
    if source is None:
        raise StageError(f"{stage.stage} has no file to read", "Write source: data/rows.json")
    findings = Findings()
    with ExitStack() as stack:
        train = stack.enter_context(rows_file(stage.outputs["train"]))
        holdout = stack.enter_context(rows_file(stage.outputs["holdout"]))
        for place, row in _taken(_rows(stage, source, params, findings), params, stage):
            line = row_line(row)
            held = _held_out(line, params)
            findings.keep(row, line, place, held_out=held)
            (holdout if held else train).write(line + "\n")
    _check_kept(source, params, findings)
    duplicates, leaks = findings.duplicates(), findings.leaks()
    check_bars(params.fail_if, findings, duplicates, leaks, name=_name(source))
    warn(findings, leaks)
    if params.rehearsal:
        for part in ("train", "holdout"):
            keep_sample(stage.outputs[part])
    write_json(stage.outputs["report"], findings.json(duplicates, leaks))
    events.done(
        rows=findings.kept,
        dropped=findings.dropped_count,
        train=findings.kept - findings.held_out,
        holdout=findings.held_out,
    )


def _taken(rows: Iterator[Placed], params: Params, stage: StageSpec) -> Iterator[Placed]:
    """Give the rows, or so many of them as are wanted."""
    if params.num_samples is None:
        return rows
    scratch = stage.work / "rows.jsonl"
    return drawn(rows, count=params.num_samples, seed=params.sample_seed, scratch=scratch)


def _rows(stage: StageSpec, source: Source, params: Params, findings: Findings) -> Iterator[Placed]:
    columns = columns_read(params)
    known = columns.needed + columns.optional
    for raw in rows_of(source, params, work=stage.work):
        findings.read += 1
        findings.see_columns(raw.columns, known=known)
        try:
            yield raw.where, converted(raw, params)
        except RowFault as fault:
            findings.drop(str(fault), raw.where)


def _held_out(line: str, params: Params) -> bool:
    holdout = params.holdout
    return holdout is not None and is_held_out(line, fraction=holdout.fraction, seed=holdout.seed)


def _check_kept(source: Source, params: Params, findings: Findings) -> None:
    """Refuse a file of which nothing is left to train on."""
    name = _name(source)
    if not findings.kept:
        raise StageError(
            f"{name} has no row that can be used ({findings.read} read)"
            + "".join(f"\n  {fault}" for fault in findings.first_faults(FAULTS_SHOWN)),
            _columns_hint(params, findings),
        )
    if findings.kept == findings.held_out:
        raise StageError(
            f"every row of {name} is held out, so none is left to train on",
            "Lower holdout.fraction, or take another holdout.seed",
        )


def _name(source: Source) -> str:
    return (source.path or PurePath(source.uri)).name


def _columns_hint(params: Params, findings: Findings) -> str:
    needed = ", ".join(columns_read(params).needed)
    hint = f"Rows of format {params.format} need {needed}"
    if findings.other_columns:
        found = ", ".join(sorted(findings.other_columns))
        hint += f"; these have {found}. Name them under `columns:`"
    return hint
