"""Show what is fresh and what is stale, and why. Runs nothing; goes online only with --remote."""

from __future__ import annotations

import argparse

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.stage_lines import counted, print_stage_lines, stage_lines, stages
from ftc.cli.workspace import open_workspace, project_arguments

EXAMPLES = """\
examples:
  ftc status
  ftc status merged-gguf --check   # exit 6 if a build would run something"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help="only these and what they need"
    )
    parser.add_argument("--check", action="store_true", help="exit 6 unless everything is fresh")
    parser.add_argument(
        "--remote", action="store_true", help="ask the remotes what could be fetched"
    )
    project_arguments(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print a line for each stage."""
    workspace = open_workspace(arguments.settings)
    supply = None
    if arguments.remote:
        from ftc.cli.remotes import supply_of

        supply = supply_of(workspace, console)
    lines = stage_lines(workspace, arguments.targets or None, workspace.freshness(supply))
    print_stage_lines(lines, console)
    stale = [line for line in lines if line.to_do]
    if not stale:
        console.talk(f"{stages(len(lines))} up to date")
    else:
        console.talk(counted(lines))
    return Exit.STALE if stale and arguments.check else Exit.DONE
