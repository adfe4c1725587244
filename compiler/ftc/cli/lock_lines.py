"""How differences of ftc.lock are told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ftc.cli.console import Console
from ftc.cli.stage_lines import reason_of, reason_rows, short
from ftc.plan.explain import Change
from ftc.plan.lock_changes import OutputChange, StageChange
from ftc.plan.locked import Difference
from ftc.plan.stages import Plan
from ftc.store.objects import Stored

SYMBOLS = {"came": "+", "went": "-", "changed": "~"}


def print_differences(differences: Iterable[Difference], plan: Plan, console: Console) -> None:
    """Print each stage of which the lock says something else, and what."""
    for one in differences:
        reasons = [reason_of(change, plan) for change in one.changes]
        if console.json:
            record = {"type": "lock-difference", "stage": one.stage, "note": one.note}
            console.records([{**record, "reasons": [reason.record() for reason in reasons]}])
        else:
            note = f": {one.note}" if one.note else " differs from ftc.lock"
            console.data("\n".join([f"{one.stage}{note}", *reason_rows(reasons)]))


def print_changes(
    head: Sequence[Change], stages: Iterable[StageChange], plan: Plan, console: Console
) -> int:
    """Print what came, went and changed; return how much that was."""
    for change in head:
        if console.json:
            console.records([{"type": "lock-change", **reason_of(change, plan).record()}])
        else:
            console.data(change.words())
    count = len(head)
    for stage in stages:
        count += 1
        _print_stage(stage, plan, console)
    return count


def _print_stage(stage: StageChange, plan: Plan, console: Console) -> None:
    reasons = [reason_of(change, plan) for change in stage.changes]
    if console.json:
        record = {"type": "stage-change", "stage": stage.stage, "how": stage.how}
        outputs = [
            {
                "output": output.name,
                "equal": output.equal,
                "before": output.before.digest if output.before else None,
                "now": output.now.digest if output.now else None,
            }
            for output in stage.outputs
        ]
        console.records(
            [{**record, "reasons": [reason.record() for reason in reasons], "outputs": outputs}]
        )
        return
    rows = [f"{SYMBOLS[stage.how]} {stage.stage}", *reason_rows(reasons)]
    if stage.how == "changed":
        rows += [f"  {_words(output)}" for output in stage.outputs]
    console.data("\n".join(rows))


def _words(output: OutputChange) -> str:
    if output.equal:
        return f"{output.name}: the same bytes"
    return f"{output.name}: {_digest(output.before)} -> {_digest(output.now)}"


def _digest(stored: Stored | None) -> str:
    return short(stored.digest if stored else None)
