"""Draw the stages and what they need."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.stage_lines import SYMBOLS
from ftc.cli.workspace import open_workspace, project_arguments
from ftc.plan.freshness import State, Status
from ftc.plan.stages import Stage

EXAMPLES = "examples:\n  ftc graph\n  ftc graph merged-gguf --format mermaid"

_COLORS = {
    Status.FRESH: "#d5f0d5",
    Status.CACHED: "#d5e5f5",
    Status.REMOTE: "#d5e5f5",
    Status.ABSENT: "#eeeeee",
    Status.STALE: "#fdeeba",
    Status.UNRESOLVED: "#fdeeba",
    Status.RESUMABLE: "#fdeeba",
    Status.FAILED: "#f8d0d0",
    Status.RUNNING: "#c5daf7",
    Status.PENDING: "#eeeeee",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help="only these and what they need"
    )
    parser.add_argument("--format", choices=("text", "mermaid", "dot"), default="text")
    project_arguments(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print the graph."""
    workspace = open_workspace(arguments.settings)
    states = workspace.freshness().look()
    stages = workspace.stages(arguments.targets or None)
    if console.json:
        console.records(_record(stage, states[stage.name]) for stage in stages.values())
    else:
        draw = {"text": _text, "mermaid": _mermaid, "dot": _dot}[arguments.format]
        console.data("\n".join(draw(stages.values(), states)))
    return Exit.DONE


def _record(stage: Stage, state: State) -> dict[str, object]:
    needs = {role: f"{edge.stage}.{edge.output}" for role, edge in stage.inputs.items()}
    return {
        "type": "node",
        "stage": stage.name,
        "kind": stage.kind,
        "status": state.status.value,
        "needs": needs,
        "makes": stage.outputs,
    }


def _needs(stage: Stage) -> list[str]:
    return list(dict.fromkeys(edge.stage for edge in stage.inputs.values()))


def _text(stages: Iterable[Stage], states: dict[str, State]) -> list[str]:
    rows = []
    for stage in stages:
        symbol = SYMBOLS[states[stage.name].status][0]
        needs = ", ".join(_needs(stage)) or (stage.source.uri if stage.source else "")
        rows.append(f"{symbol} {stage.name}" + (f"  <- {needs}" if needs else ""))
    return rows


def _mermaid(stages: Iterable[Stage], states: dict[str, State]) -> list[str]:
    rows = ["flowchart LR"]
    numbers = {name: f"s{index}" for index, name in enumerate(states)}
    for stage in stages:
        number = numbers[stage.name]
        rows.append(f'  {number}["{stage.name}"]:::{states[stage.name].status.value}')
        rows += [f"  {numbers[need]} --> {number}" for need in _needs(stage)]
    rows += [f"  classDef {status.value} fill:{color}" for status, color in _COLORS.items()]
    return rows


def _dot(stages: Iterable[Stage], states: dict[str, State]) -> list[str]:
    rows = ["digraph ftc {", "  rankdir=LR; node [shape=box, style=filled];"]
    for stage in stages:
        rows.append(f'  "{stage.name}" [fillcolor="{_COLORS[states[stage.name].status]}"];')
        rows += [f'  "{need}" -> "{stage.name}";' for need in _needs(stage)]
    return [*rows, "}"]
