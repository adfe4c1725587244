"""`ftc doctor MODEL`: what a model is, and whether it will do here."""

from __future__ import annotations

import json
from pathlib import Path

from ftc.build.ask import AskError, ask
from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.workspace import open_workspace
from ftc.diagnostics import Diagnostic, ProjectError
from ftc_runtime.contract import Examine

EXAMINED = {"model": "", "gguf": ".gguf"}
"""Kinds of artifact that can be looked at, and how their file ends."""


def run(name: str, console: Console) -> int:
    """Look at the model in a process of its own and print what it found."""
    path = _path(name)
    console.talk(f"looking at {path} (its weights are loaded once)")
    try:
        answer = ask(Examine(model=path.absolute()))
    except AskError as error:
        console.error("examine", error.message, error.hint)
        return Exit.FAILED
    findings = json.loads(answer)
    if console.json:
        console.records([{"type": "model", **findings}])
        return Exit.DONE
    width = max(len(key) for key in findings)
    for key, value in findings.items():
        console.data(f"{key.replace('_', ' '):<{width}}  {_shown(value, width)}")
    return Exit.DONE


def _path(name: str) -> Path:
    """A path as it is; else the result of a target, out of the store."""
    if Path(name).exists():
        return Path(name)
    workspace = open_workspace()
    target = workspace.targets([name])[0]
    states = workspace.freshness().look()
    for edge in target.links.values():
        artifact = workspace.plan.stages[edge.stage].outputs[edge.output]
        record = states[edge.stage].record
        if artifact in EXAMINED and record is not None:
            return workspace.store.path(record.outputs[edge.output], EXAMINED[artifact])
        if artifact in EXAMINED:
            raise _fault("not-built", f"{name} is not built", f"`ftc build {name}` makes it")
    raise _fault("no-model", f"{name} is no model", "name a model, an export, a folder or a file")


def _fault(code: str, message: str, help: str) -> ProjectError:
    return ProjectError([Diagnostic(code, message, help=help)])


def _shown(value: object, width: int) -> str:
    if isinstance(value, dict):
        gap = "\n" + " " * (width + 2)
        return gap.join(f"{key}  {_plain(part)}" for key, part in value.items())
    return _plain(value)


def _plain(value: object) -> str:
    """A word as it is; anything else, a text of several lines too, as JSON."""
    if isinstance(value, str) and "\n" not in value:
        return value
    return json.dumps(value, ensure_ascii=False)
