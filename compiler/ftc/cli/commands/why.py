"""Explain why targets would be rebuilt: each setting, input and library, before -> now."""

from __future__ import annotations

import argparse

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.stage_lines import StageLine, stage_lines
from ftc.cli.workspace import open_workspace

EXAMPLES = "examples:\n  ftc why merged-gguf\n  ftc why sft:assistant --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("targets", nargs="+", metavar="TARGET", help="a target or a stage")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print each stage of the targets that is not fresh, with all its reasons."""
    lines = stage_lines(open_workspace(), arguments.targets)
    stale = [line for line in lines if line.to_do]
    if console.json:
        console.records(line.record() for line in stale)
        return Exit.DONE
    for line in stale:
        console.data("\n".join(_paragraph(line)))
    if not stale:
        console.data(f"{', '.join(arguments.targets)}: up to date")
    return Exit.DONE


def _paragraph(line: StageLine) -> list[str]:
    rows = [f"{line.stage} is {line.status}"]
    for reason in line.reasons:
        rows.append(f"  {reason.text}" + (f"  ({reason.place})" if reason.place else ""))
        if reason.leaf.startswith("inputs."):
            rows.append(f"    {_digest(reason.before)} -> {_digest(reason.now)}")
    if line.note:
        words = "waits for " if line.status == "pending" else ""
        rows.append(f"  {words}{line.note}")
    return rows


def _digest(value: object) -> str:
    return value[:19] if isinstance(value, str) else "(unset)"
