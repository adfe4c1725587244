"""Find every mistake in project.yaml, and show them all at once with their places."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from typing import Any

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.findings import finding
from ftc.cli.workspace import find_project, open_workspace, project_arguments

EXAMPLES = """\
examples:
  ftc check
  ftc check --resolved   # with defaults merged in
  ftc check --schema > project.schema.json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--resolved", action="store_true", help="print every item with its defaults")
    shown.add_argument("--schema", action="store_true", help="print the JSON Schema, for editors")
    project_arguments(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Load, check and lower the project."""
    from ftc.cli.stage_lines import stages
    from ftc.plan.lower import lower
    from ftc.project.json_schema import json_schema
    from ftc.project.load import load

    if arguments.schema:
        console.data(json.dumps(json_schema(), indent=2))
        return Exit.DONE
    file = find_project()
    project = load(file, os.environ, arguments.settings)
    plan = lower(project)
    if arguments.resolved:
        _print_resolved(project.items, console)
        return Exit.DONE
    count = sum(len(items) for items in project.items.values())
    if console.json:
        console.records(
            [
                {
                    "type": "check",
                    "items": count,
                    "stages": len(plan.stages),
                    "notes": list(project.notes),
                }
            ]
        )
    else:
        for note in project.notes:
            console.talk(f"note: {note}")
        console.talk(f"{file.name}: no mistakes ({count} items, {stages(len(plan.stages))})")
    _tell_findings(arguments.settings, console)
    return Exit.DONE


def _tell_findings(settings: Sequence[str], console: Console) -> None:
    """Tell what earlier builds found that the file alone does not show."""
    for name, state in open_workspace(settings).freshness().look().items():
        found = finding(state)
        if found and console.json:
            console.records([{"type": "finding", "stage": name, "finding": found}])
        elif found:
            console.talk(f"{name}: {found}")


def _print_resolved(sections: Any, console: Console) -> None:
    resolved = {
        section: {name: item.model_dump(mode="json") for name, item in items.items()}
        for section, items in sections.items()
        if items
    }
    if console.json:
        console.records([{"type": "resolved", **resolved}])
        return
    import yaml

    console.data(yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True).rstrip())
