"""Look at this machine: Python, GPUs, libraries, disk, memory, llama.cpp. Or at one model."""

from __future__ import annotations

import argparse
from pathlib import Path

from ftc.cli import examine, machine
from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.store.remotes.place import RemoteFault
from ftc.store.remotes.remote import Remote

NO_KEY = "0" * 64
"""No stage has it; whether a remote answers is seen all the same."""

EXAMPLES = """\
examples:
  ftc doctor
  ftc doctor --fix      # get llama.cpp's converter and build its library
  ftc doctor merged     # an export or a model, once built; a folder or a .gguf file"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help="a model of the project, a folder, or a .gguf file",
    )
    parser.add_argument("--fix", action="store_true", help="get what is missing for GGUF")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print a line for each thing looked at; exit 1 if something that is needed is missing."""
    if arguments.model:
        return examine.run(arguments.model, console)
    if arguments.fix:
        return _fix(console)
    findings = [*machine.look(Path.cwd()), *_remotes()]
    if console.json:
        console.records(finding.record() for finding in findings)
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            mark = console.styled(*machine.MARKS[finding.level])
            console.data(f"{mark} {finding.name:<{width}}  {finding.text}".rstrip())
            if finding.hint:
                console.data(f"  {'':<{width}}  = help: {finding.hint}")
    return Exit.FAILED if any(f.level == "missing" for f in findings) else Exit.DONE


def _remotes() -> list[machine.Finding]:
    """Ask each remote of the project at hand for something; none where there is no project."""
    from ftc.cli.remotes import remotes_of
    from ftc.cli.workspace import open_workspace
    from ftc.diagnostics import ProjectError

    try:
        remotes = remotes_of(open_workspace())
    except ProjectError:
        # `ftc check` is for these.
        return []
    return [_remote(remote) for remote in remotes]


def _remote(remote: Remote) -> machine.Finding:
    name = f"remote {remote.name}"
    try:
        remote.record(NO_KEY)
        problem = remote.place.forbids_writing() if remote.writable else None
    except RemoteFault as fault:
        return machine.Finding(name, "note", fault.message, fault.hint)
    if problem is not None:
        return machine.Finding(name, "note", f"{remote.url} answers, but {problem}")
    access = "reading and writing" if remote.writable else "reading"
    return machine.Finding(name, "ok", f"{remote.url} answers; it is for {access}")


def _fix(console: Console) -> int:
    from ftc import toolchain

    try:
        done = toolchain.fix(console.talk)
    except toolchain.ToolchainError as error:
        console.error("toolchain", error.message, error.hint)
        return Exit.FAILED
    console.talk("; ".join(done) if done else "llama.cpp is complete: nothing to do")
    return Exit.DONE
