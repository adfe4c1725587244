"""Fetch results from the remotes. Runs nothing: what no remote has stays as it is.

Without a target: all exports and evals. What is here already is skipped.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.reading import Reading
from ftc.cli.remotes import EXAMPLE, remotes_of
from ftc.cli.stage_lines import stages
from ftc.cli.using import use_store
from ftc.cli.workspace import Workspace, open_workspace
from ftc.diagnostics import Diagnostic, ProjectError
from ftc.plan.freshness import Freshness, State, Status
from ftc.plan.needed import AT_HAND
from ftc.store.locks import Holder, KeyLock
from ftc.store.records import Record
from ftc.store.remotes.place import RemoteFault
from ftc.store.remotes.remotes import Remotes
from ftc.store.supply import SupplyFault, restore, said, said_of

EXAMPLES = """\
examples:
  ftc pull merged-gguf         # the file alone, without the models that it was made from
  ftc pull --all merged-gguf   # those too"""


class Line(NamedTuple):
    """What became of one stage's result."""

    stage: str
    outcome: str
    """pulled, here or failed."""
    origin: str | None = None
    size: int = 0
    """Bytes that came."""
    message: str | None = None
    help: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="items, outputs or stages")
    parser.add_argument("--all", action="store_true", help="also all that they were made from")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Pull, a line for each result; exit 1 if one of them could not be had."""
    workspace = open_workspace()
    try:
        with use_store(workspace, console):
            lines = list(_lines(workspace, arguments, console))
    except RemoteFault as fault:
        console.error("remote", fault.message, fault.hint)
        return Exit.FAILED
    count = {word: sum(line.outcome == word for line in lines) for word in ("pulled", "here")}
    failed = len(lines) - sum(count.values())
    told = f"{stages(count['pulled'])} pulled ({said(sum(line.size for line in lines))})"
    told += f", {count['here']} here already" + (f", {failed} failed" if failed else "")
    console.talk(told)
    return Exit.FAILED if failed else Exit.DONE


def _lines(workspace: Workspace, arguments: argparse.Namespace, console: Console) -> Iterator[Line]:
    """Fetch what is wanted, and print what became of each."""
    freshness = workspace.freshness(_supply(workspace))
    made_by = workspace.made_by(arguments.targets)
    behind = workspace.plan.closure(made_by)
    # As a build does: a key begins with the bytes of a source, however large it is.
    sources = [stage.source for stage in behind.values() if stage.source is not None]
    workspace.sources.read(sources, told=Reading(console).told)
    freshness.look()
    # A key is made from the records of those before it, so they are kept, without files.
    workspace.use(behind, freshness.states)
    wanted = list(behind) if arguments.all else made_by
    for line in _pulled(wanted, workspace, freshness, console=console):
        _print(line, console)
        yield line


def _supply(workspace: Workspace) -> Remotes:
    remotes = remotes_of(workspace)
    if not remotes:
        fault = Diagnostic("no-remote", "the project has no remotes", help=f"write {EXAMPLE}")
        raise ProjectError([fault])
    return Remotes(workspace.store, remotes, lost=_raise)


def _raise(fault: RemoteFault) -> None:
    raise fault


def _pulled(
    names: list[str], workspace: Workspace, freshness: Freshness, *, console: Console
) -> Iterator[Line]:
    for name in dict.fromkeys(names):
        state = freshness.states[name]
        try:
            if state.status is Status.REMOTE and state.record is not None:
                yield _fetched(name, state.record, workspace, freshness, console=console)
            elif state.status in AT_HAND:
                yield Line(name, "here")
            else:
                yield _not_to_be_had(state)
        except (SupplyFault, RemoteFault) as fault:
            hint = fault.hint if isinstance(fault, RemoteFault) else f"`ftc build {name}` makes it"
            yield Line(name, "failed", message=fault.message, help=hint)


def _fetched(
    name: str, record: Record, workspace: Workspace, freshness: Freshness, *, console: Console
) -> Line:
    store, supply = workspace.store, freshness.supply
    if supply is None:
        raise TypeError("nothing is pulled without a supply")
    with KeyLock(store, record.key) as lock:
        lock.acquire(waiting=lambda holder: _say_waiting(name, holder, console))
        restored = restore(store, supply, record, told=_teller(name, console))
    if not restored.origin:
        # Another process was faster, while this one waited for the lock.
        return Line(name, "here")
    return Line(name, "pulled", restored.origin, restored.size)


def _not_to_be_had(state: State) -> Line:
    if state.status is Status.PENDING:
        message = f"its key is not known, for nobody has {state.note}"
    elif state.status is Status.UNRESOLVED:
        message = state.note or "its source is not known"
    else:
        message = "no remote has it"
    return Line(state.stage, "failed", message=message, help=f"`ftc build {state.stage}` makes it")


def _teller(name: str, console: Console) -> Callable[[str, int, int], None]:
    def tell(output: str, come: int, total: int) -> None:
        done = said_of(come, total)
        console.show_live(f"  fetching {name}, {output}: {done}")

    return tell


def _say_waiting(name: str, holder: Holder, console: Console) -> None:
    console.talk(f"  {name}  waits for process {holder.pid} on {holder.host} ({holder.command})")


def _print(line: Line, console: Console) -> None:
    if console.json:
        console.records([{"type": "pull", **line._asdict()}])
        return
    match line.outcome:
        case "pulled":
            console.data(f"{line.stage}  pulled from {line.origin} ({said(line.size)})")
        case "here":
            console.data(f"{line.stage}  is here")
        case _:
            console.error("pull", f"{line.stage}: {line.message}", line.help)
