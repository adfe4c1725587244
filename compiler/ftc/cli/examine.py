"""`ftc doctor MODEL`: what a model is, and whether it will do here."""

from __future__ import annotations

import json
from pathlib import Path

from ftc.build.ask import AskError, ask
from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.diagnostics import Diagnostic, ProjectError
from ftc_runtime.contract import Examine


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
    """A path as it is; else a target whose result is in `out/`."""
    for candidate in (Path(name), Path("out") / name):
        if candidate.exists():
            return candidate
    raise ProjectError(
        [
            Diagnostic(
                "no-model",
                f"there is no folder or .gguf file `{name}`, and no out/{name}",
                help=f"`ftc build {name}` makes it, if it is a target",
            )
        ]
    )


def _shown(value: object, width: int) -> str:
    if isinstance(value, dict):
        gap = "\n" + " " * (width + 2)
        return gap.join(f"{key}  {part}" for key, part in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
