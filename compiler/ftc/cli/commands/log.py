"""Show what a stage printed when it last ran; without a stage, list what there is."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import Any

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.workspace import Workspace, open_workspace
from ftc.diagnostics import Diagnostic, ProjectError
from ftc.plan.freshness import State

EXAMPLES = "examples:\n  ftc log\n  ftc log sft:assistant\n  ftc log sft:assistant --events"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("stage", nargs="?", metavar="STAGE", help="a stage, or a target of one")
    parser.add_argument("--events", action="store_true", help="progress and metrics, JSON lines")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print a log, or the list of runs."""
    workspace = open_workspace()
    states = workspace.freshness().look()
    if arguments.stage is None:
        _list(workspace, states, console)
        return Exit.DONE
    name = _stage(arguments.stage, workspace)
    store = workspace.store
    keys = (states[name].key, store.ref(workspace.owner, name))
    place = store.events if arguments.events else store.log
    files = [place(key) for key in keys if key is not None and place(key).is_file()]
    if not files:
        console.error("no-log", f"{name} has not run here", "`ftc why` says how it stands")
        return Exit.FAILED
    text = files[0].read_text(encoding="utf-8", errors="replace")
    if console.json:
        console.records([{"type": "log", "stage": name, "path": str(files[0]), "text": text}])
    else:
        console.data(text.rstrip("\n"))
        console.talk(str(files[0]))
    return Exit.DONE


def _stage(word: str, workspace: Workspace) -> str:
    """The stage itself, or the one that makes the target."""
    stages = workspace.targets([word])[0].stages()
    if len(stages) > 1 and word not in workspace.plan.stages:
        raise ProjectError(
            [
                Diagnostic(
                    "ambiguous",
                    f"{word} is made by several stages",
                    help=f"one of {', '.join(stages)}",
                )
            ]
        )
    return stages[0]


def _list(workspace: Workspace, states: dict[str, State], console: Console) -> None:
    width = max((len(name) for name in states), default=0)
    for name, state in states.items():
        key = workspace.store.ref(workspace.owner, name) or state.key
        record = workspace.store.record(key) if key else None
        facts = record.facts if record else {}
        if console.json:
            console.records([{"type": "run", "stage": name, "key": key, "facts": facts}])
        elif record is None:
            console.data(f"{name:<{width}}  {state.status.value}")
        else:
            console.data(f"{name:<{width}}  {facts.get('started', '?')}  {_seconds(facts)}")


def _seconds(facts: Mapping[str, Any]) -> str:
    seconds = facts.get("seconds")
    if not isinstance(seconds, int | float):
        return ""
    return time.strftime("%H:%M:%S", time.gmtime(seconds)) if seconds >= 60 else f"{seconds:.1f} s"
