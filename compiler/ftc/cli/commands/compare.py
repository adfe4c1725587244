"""Compare models: the settings that differ, the scores side by side, how each was trained.

A target is a model, finetune, export or eval; an item with a matrix is all its variants. The
first digits of a key are a result of the store. Scores are compared with those of the first.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.workspace import open_workspace, project_arguments

EXAMPLES = """\
examples:
  ftc compare r8 r16
  ftc compare recall --json        # all that an eval measures
  ftc compare sft --plot loss.svg  # all variants of a matrix"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("targets", nargs="+", metavar="TARGET", help="what to compare")
    parser.add_argument("--plot", metavar="FILE", help="draw the losses into a .svg or .png")
    project_arguments(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print what differs, as far as it is built."""
    from ftc.cli.comparison.curves import draw
    from ftc.cli.comparison.rows import rows_of
    from ftc.cli.comparison.scores import unbuilt
    from ftc.cli.comparison.subjects import subjects
    from ftc.cli.comparison.table import tables

    workspace = open_workspace(arguments.settings)
    states = workspace.freshness().look()
    compared = subjects(arguments.targets, workspace, states)
    names = [subject.name for subject in compared]
    rows = rows_of(compared, workspace.plan, states=states, store=workspace.store)
    if console.json:
        console.records(row.record(names) for row in rows)
    else:
        for line in tables(rows, names):
            console.data(line)
    for subject in compared:
        if stages := unbuilt(subject, workspace.plan, states):
            if console.json:
                console.records([{"type": "unbuilt", "target": subject.name, "stages": stages}])
            console.talk(f"{subject.name}: not built yet: {', '.join(stages)}")
    if arguments.plot:
        draw(compared, workspace.store, Path(arguments.plot))
        console.talk(f"drawn: {arguments.plot}")
    return Exit.DONE
