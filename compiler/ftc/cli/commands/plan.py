"""Show what a build would run, restore or leave, and why. Runs nothing."""

from __future__ import annotations

import argparse

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.stage_lines import StageLine, print_stage_lines, stage_lines
from ftc.cli.workspace import open_workspace

EXAMPLES = "examples:\n  ftc plan\n  ftc plan merged-gguf --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help="what to build; all exports and evals if none"
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print what is not fresh, in the order in which it would run."""
    lines = stage_lines(open_workspace(), arguments.targets)
    print_stage_lines([line for line in lines if line.to_do], console)
    console.talk(_summary(lines))
    return Exit.DONE


def _summary(lines: list[StageLine]) -> str:
    def count(*states: str) -> int:
        return sum(line.status in states for line in lines if line.to_do)

    run = count("stale", "resumable", "failed", "unresolved", "absent")
    parts = [
        f"{run} to run",
        f"{count('pending')} that may follow",
        f"{count('cached')} to take from the store",
        *([f"{count('remote')} to fetch"] if count("remote") else []),
        f"{sum(not line.to_do for line in lines)} fresh",
    ]
    running = count("running")
    return "Plan: " + ", ".join([*parts, *([f"{running} running"] if running else [])])
