"""Show what a build would run, restore or leave, why, and what it costs. Runs nothing.

Times come from earlier runs in this store, sizes from shapes and earlier results. Exits 1 if the
results do not fit on the disk.
"""

from __future__ import annotations

import argparse

from ftc.cli.console import Console
from ftc.cli.cost_lines import Counts, cost_record, cost_text, plan_record, plan_text, room_text
from ftc.cli.exits import Exit
from ftc.cli.memory_here import memory_here
from ftc.cli.stage_lines import StageLine, print_stage_lines, stage_lines
from ftc.cli.workspace import open_workspace, project_arguments
from ftc.plan.costs.cost import plan_cost

EXAMPLES = "examples:\n  ftc plan\n  ftc plan merged-gguf --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help="what to build; all exports and evals if none"
    )
    parser.add_argument("--offline", action="store_true", help="ask no remote what it has")
    project_arguments(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print what is not fresh, in the order in which it would run, and what it costs."""
    workspace = open_workspace(arguments.settings)
    supply = None
    if getattr(arguments, "rehearse", False):
        workspace = workspace.rehearsal()
    elif not arguments.offline:
        from ftc.cli.remotes import supply_of

        supply = supply_of(workspace, console)
    freshness = workspace.freshness(supply)
    every = stage_lines(workspace, arguments.targets, freshness)
    lines = [line for line in every if line.to_do]
    cost = plan_cost(freshness, [line.stage for line in lines], capacity=memory_here())
    counts = _counts(every)
    if console.json:
        for line in lines:
            told = cost.stages.get(line.stage)
            console.records([{**line.record(), "cost": cost_record(told) if told else None}])
        console.records([plan_record(cost, counts)])
    else:
        below = {name: cost_text(told, cost.capacity) for name, told in cost.stages.items()}
        print_stage_lines(lines, console, below=below)
        for note in workspace.plan.notes:
            console.talk(f"note: {note}")
        console.talk(plan_text(cost, counts))
    if (lack := room_text(cost)) is None:
        return Exit.DONE
    console.talk(lack, style="red")
    return Exit.FAILED


def _counts(lines: list[StageLine]) -> Counts:
    def count(*states: str) -> int:
        return sum(line.status in states for line in lines if line.to_do)

    return Counts(
        to_run=count("stale", "resumable", "failed", "unresolved", "absent"),
        may_follow=count("pending"),
        cached=count("cached"),
        to_fetch=count("remote"),
        running=count("running"),
        fresh=sum(not line.to_do for line in lines),
    )
