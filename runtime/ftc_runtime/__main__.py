"""Run one stage or one command: `python -P -m ftc_runtime SPEC.json`.

Exit codes: 0 done, 1 the work cannot be done and the user can act on it, 2 the spec cannot be
read, 70 a bug of ours, 130 interrupted. Events go to their own pipe; a command answers with one
JSON line on stdout, a stage writes nothing there.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

from pydantic import ValidationError

from ftc_runtime import events
from ftc_runtime.contract import Examine, Resolve, StageParams, StageSpec, params_class
from ftc_runtime.environment import check_libraries, hold_back, pin_imported, pin_threads
from ftc_runtime.errors import StageError
from ftc_runtime.foreign import first_line, known
from ftc_runtime.preview.question import Preview

Command: TypeAlias = Resolve | Examine | Preview

COMMANDS: dict[str, type[Command]] = {"resolve": Resolve, "examine": Examine, "preview": Preview}


def main(arguments: list[str]) -> int:
    """Do what the spec file named in *arguments* says; return the exit code."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        work = _read(arguments)
    except SpecFault as fault:
        sys.stderr.write(f"error: {fault}\n")
        return 2
    return _supervised(work)


class SpecFault(Exception):
    """The spec file is not one."""


def _read(arguments: list[str]) -> Callable[[], None]:
    """Return the work that the spec file asks for."""
    if len(arguments) != 1:
        raise SpecFault("usage: python -P -m ftc_runtime SPEC.json")
    try:
        text = Path(arguments[0]).read_text(encoding="utf-8")
        fields = json.loads(text)
        command = fields.get("command") if isinstance(fields, dict) else None
        if command is None:
            return partial(_run_stage, StageSpec.model_validate_json(text))
        if command not in COMMANDS:
            raise SpecFault(f"{arguments[0]}: the command {command!r} is not known")
        return partial(_run_command, COMMANDS[command].model_validate_json(text))
    except (OSError, ValueError) as error:  # pydantic's ValidationError is a ValueError
        raise SpecFault(f"{arguments[0]}: {_faults(error)}") from error


def _run_stage(stage: StageSpec) -> None:
    check_libraries(stage.libraries)
    if stage.libraries and "torch" not in stage.libraries:
        hold_back("torch")
    params = _params(stage)
    pin_threads(stage.threads)
    stage.work.mkdir(parents=True, exist_ok=True)
    run = import_module(f"ftc_runtime.stages.{stage.kind}.run").run
    pin_imported(stage.threads)
    run(params, stage)
    missing = [name for name, path in stage.outputs.items() if not path.exists()]
    if missing:
        raise RuntimeError(f"{stage.kind} ended without writing {', '.join(missing)}")
    if not events.said_done:
        events.done()


def _params(stage: StageSpec) -> StageParams:
    try:
        return params_class(stage.kind).model_validate(stage.params)
    except ModuleNotFoundError as error:
        raise StageError(
            f"{stage.stage} is of the kind {stage.kind!r}, which is not known"
        ) from error
    except ValidationError as error:
        raise StageError(
            f"{stage.stage} has settings that {stage.kind} does not take: {_faults(error)}"
        ) from error


def _run_command(command: Command) -> None:
    """Answer on stdout, which libraries must not write to meanwhile: their words go to stderr."""
    answer_to = os.dup(1)
    os.dup2(2, 1)
    if isinstance(command, Preview):
        hold_back("torch")
    answer = import_module(f"ftc_runtime.commands.{command.command}").run(command)
    with os.fdopen(answer_to, "w", encoding="utf-8") as stdout:
        # ASCII, since text may hold other ends of a line, such as U+2028.
        stdout.write(json.dumps(answer) + "\n")


def _supervised(work: Callable[[], None]) -> int:
    """Do the work; turn what goes wrong into an event, a line on stderr and an exit code."""
    try:
        work()
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        fault = error if isinstance(error, StageError) else known(error)
        if fault is None:
            traceback.print_exc()
            events.failed(f"{type(error).__name__}: {first_line(error)}", "This is a bug of ftc")
            return 70
        if fault is not error:
            traceback.print_exc()  # for the log, where the message is not enough
        events.failed(fault.message, fault.hint)
        sys.stderr.write(
            f"error: {fault.message}\n" + (f"  help: {fault.hint}\n" if fault.hint else "")
        )
        return 1
    return 0


def _faults(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return first_line(error)
    return "; ".join(
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
