"""Explain why targets would be rebuilt: each setting, input and library, before -> now."""

from __future__ import annotations

import argparse

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.stage_lines import StageLine, reason_of, reason_rows, stage_line, stage_lines
from ftc.cli.workspace import open_workspace, project_arguments
from ftc.plan.freshness import Status, ends

EXAMPLES = "examples:\n  ftc why merged-gguf\n  ftc why sft:assistant --json"

ELSEWHERE = {
    Status.REMOTE: "a remote has it: it is fetched where something needs it",
    Status.ABSENT: "what it gave is known; it runs only if something needs its files",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("targets", nargs="+", metavar="TARGET", help="a target or a stage")
    project_arguments(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print each stage of the targets that is not fresh, with all its reasons."""
    workspace = open_workspace(arguments.settings)
    freshness = workspace.freshness()
    states = freshness.look()
    told = []
    for line in stage_lines(workspace, arguments.targets):
        if not line.to_do:
            continue
        if line.status == Status.PENDING:
            own = freshness.own_changes(workspace.plan.stages[line.stage])
            reasons = tuple(reason_of(change, workspace.plan) for change in own)
            line = line._replace(reasons=reasons)
        causes = [stage_line(workspace.plan, states[name]) for name in ends(states, line.stage)]
        told.append((line, causes))
    if console.json:
        console.records(
            {**line.record(), "because": [cause.record() for cause in causes]}
            for line, causes in told
        )
        return Exit.DONE
    for line, causes in told:
        console.data("\n".join(_paragraph(line, causes)))
    if not told:
        console.data(f"{', '.join(arguments.targets)}: up to date")
    return Exit.DONE


def _paragraph(line: StageLine, causes: list[StageLine]) -> list[str]:
    rows = [f"{line.stage} is {line.status}", *reason_rows(line.reasons)]
    if line.status == Status.PENDING:
        rows.append(f"  waits for {line.note}, and stays as it is if that gives the same bytes")
        rows += [f"  because {one.stage} is {one.status}: {one.why()}" for one in causes]
    elif line.note:
        rows.append(f"  {line.note}")
    if line.status in ELSEWHERE:
        rows.append(f"  {ELSEWHERE[Status(line.status)]}")
    return rows
