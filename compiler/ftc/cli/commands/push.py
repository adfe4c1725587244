"""Put results into every remote with `access: read-write`, and what they were made from.

Without a target: all exports and evals. What is there already is skipped.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.remotes import EXAMPLE, remotes_of
from ftc.cli.stage_lines import stages
from ftc.cli.using import use_store
from ftc.cli.workspace import Workspace, open_workspace
from ftc.diagnostics import Diagnostic, ProjectError
from ftc.plan.freshness import QUESTIONS_AT_ONCE, State
from ftc.store.digests import in_parallel
from ftc.store.records import Record
from ftc.store.remotes.place import RemoteFault
from ftc.store.remotes.push import PushFault, push, stands
from ftc.store.remotes.remote import Remote
from ftc.store.supply import said, said_of

EXAMPLES = "examples:\n  ftc push\n  ftc push merged-gguf"


class Line(NamedTuple):
    """What became of one stage's result at one remote."""

    stage: str
    remote: str
    outcome: str
    """pushed, there or failed."""
    size: int = 0
    """Bytes that went."""
    message: str | None = None
    help: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="items, outputs or stages")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Push, a line for each result; exit 1 if one of them could not be pushed."""
    workspace = open_workspace()
    remotes = _writable(workspace)
    states = workspace.freshness().look()
    names = list(workspace.stages(arguments.targets))
    lines: list[Line] = []
    with use_store(workspace, console):
        for remote in remotes:
            for line in _pushed_to(remote, names, workspace, states=states, console=console):
                _print(line, console)
                lines.append(line)
    failed = sum(line.outcome == "failed" for line in lines)
    size = sum(line.size for line in lines)
    done = sum(line.outcome == "pushed" for line in lines)
    there = sum(line.outcome == "there" for line in lines)
    told = f"{stages(done)} pushed ({said(size)}), {there} there already"
    console.talk(told + (f", {failed} failed" if failed else ""))
    return Exit.FAILED if failed else Exit.DONE


def _writable(workspace: Workspace) -> list[Remote]:
    remotes = remotes_of(workspace)
    writable = [remote for remote in remotes if remote.writable]
    if writable:
        return writable
    if not remotes:
        fault = Diagnostic("no-remote", "the project has no remotes", help=f"write {EXAMPLE}")
        raise ProjectError([fault])
    names = ", ".join(remote.name for remote in remotes)
    help = "write `access: read-write` at one, here or in ftc.local.yaml: most often on CI alone"
    raise ProjectError([Diagnostic("read-only", f"{names}: for reading only", help=help)])


def _pushed_to(
    remote: Remote,
    names: list[str],
    workspace: Workspace,
    *,
    states: Mapping[str, State],
    console: Console,
) -> Iterator[Line]:
    """Push the stages one after the other. A remote that is lost gets no more of them."""
    lost: RemoteFault | None = None
    there: set[str] = set()
    try:
        there = _there(remote, names, states)
    except RemoteFault as fault:
        lost = fault
    for name in names:
        record = states[name].known
        try:
            if lost is not None:
                raise lost
            if record is None:
                message = f"it is {states[name].status.value} here: there is nothing to push"
                raise PushFault(message, f"`ftc build {name}` makes it")
            if name in there:
                yield Line(name, remote.name, "there")
            else:
                yield _pushed(remote, name, record, workspace=workspace, console=console)
        except PushFault as fault:
            yield Line(name, remote.name, "failed", 0, fault.message, fault.hint)
        except RemoteFault as fault:
            lost = fault
            yield Line(name, remote.name, "failed", 0, fault.message, fault.hint)


def _there(remote: Remote, names: list[str], states: Mapping[str, State]) -> set[str]:
    """Ask for all results at once which of them are there, whole."""

    def is_there(name: str) -> bool:
        record = states[name].known
        return record is not None and stands(remote, record)

    answers = in_parallel(is_there, names, threads=QUESTIONS_AT_ONCE)
    return {name for name, is_there in zip(names, answers, strict=True) if is_there}


def _pushed(
    remote: Remote, name: str, record: Record, *, workspace: Workspace, console: Console
) -> Line:
    done = push(workspace.store, remote, record, told=_teller(name, remote, console))
    outcome = "pushed" if done.is_new or done.blobs else "there"
    return Line(name, remote.name, outcome, done.size)


def _teller(name: str, remote: Remote, console: Console) -> Callable[[int, int], None]:
    def tell(sent: int, total: int) -> None:
        text = f"pushing {name} to {remote.name}: {said_of(sent, total)}"
        console.show_live(f"  {text}")

    return tell


def _print(line: Line, console: Console) -> None:
    if console.json:
        record: dict[str, Any] = {"type": "push", **line._asdict()}
        console.records([record])
        return
    match line.outcome:
        case "pushed":
            console.data(f"{line.stage}  pushed to {line.remote} ({said(line.size)})")
        case "there":
            console.data(f"{line.stage}  is in {line.remote}")
        case _:
            console.error("push", f"{line.stage}: {line.message}", line.help)
