"""Write ftc.lock without building: pins of hubs, digests of sources, and what is in the store.

After a merge conflict it makes one lock of both sides.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.lock_lines import print_changes, print_differences
from ftc.cli.reading import read_sources
from ftc.cli.stage_lines import stages
from ftc.cli.workspace import Workspace, find_project, open_workspace
from ftc.diagnostics import Diagnostic, ProjectError, suggestion
from ftc.lockfile.blocks import has_conflict, text_of
from ftc.lockfile.lock import Lock, Pin, address
from ftc.lockfile.reading import read, read_merged
from ftc.lockfile.writing import write
from ftc.plan.locate import is_afar
from ftc.plan.lock_changes import head_changes, stage_changes
from ftc.plan.locked import differences, gone, updated
from ftc.plan.stages import OutsideSource

EXAMPLES = """\
examples:
  ftc lock --check                 # exit 4 if the project is not as ftc.lock says
  ftc lock --upgrade qwen          # the newest commit of one model
  ftc lock --upgrade env           # the libraries that are installed now"""

ENV = "env"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="with --upgrade: sources, or `env`; else only these targets",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--check", action="store_true", help="write nothing; exit 4 if it differs")
    how.add_argument(
        "--upgrade",
        action="store_true",
        help="move pins to the newest commit and [env] to what is installed",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Write the lock, or say what differs."""
    root = find_project().parent
    if has_conflict(text_of(root)) and not arguments.check:
        write(root, read_merged(root))
        console.talk("made one lock of both sides of the merge")
    workspace = open_workspace()
    if arguments.check:
        return _check(workspace, arguments.names, console)
    if arguments.upgrade:
        return _upgrade(workspace, arguments.names, console)
    return _update(workspace, arguments.names, console)


def _check(workspace: Workspace, words: list[str], console: Console) -> int:
    lock = read(workspace.plan.root)
    names = dict.fromkeys(workspace.stages(words) or workspace.plan.stages)
    found = [] if words else list(gone(lock, workspace.plan))
    if not words:
        names |= dict.fromkeys(name for name in lock.stages if name in workspace.plan.stages)
    read_sources(workspace, names, console)
    found += differences(lock, workspace.plan, workspace.sources, names)
    print_differences(found, workspace.plan, console)
    if not found:
        console.talk(f"ftc.lock is right about {stages(len(names))}")
        return Exit.DONE
    console.talk(f"ftc.lock differs in {stages(len(found))}: `ftc build` brings it up to date")
    return Exit.LOCK_DIFFERS


def _update(workspace: Workspace, words: list[str], console: Console) -> int:
    from ftc.build.ask import AskError
    from ftc.build.pins import pin

    plan, sources, root = workspace.plan, workspace.sources, workspace.plan.root
    named = workspace.stages(words or None)
    before = read(root)
    try:
        pin(named.values(), sources, say=console.talk)
    except AskError as error:
        console.error("source", error.message, error.hint)
        return Exit.FAILED
    read_sources(workspace, named, console)
    states = workspace.freshness().look()
    now = updated(read(root), plan, states, named, sources)
    return _written(workspace, before, now, console)


def _upgrade(workspace: Workspace, words: list[str], console: Console) -> int:
    from ftc.build.ask import AskError
    from ftc.build.pins import newest_pin
    from ftc.plan.libraries import current

    before = read(workspace.plan.root)
    wanted = _wanted(workspace, words)
    pins: dict[str, Pin] = dict(before.pins)
    try:
        for source in wanted.values():
            pins[address(source.uri, source.revision)] = newest_pin(source, say=console.talk)
    except AskError as error:
        console.error("source", error.message, error.hint)
        return Exit.FAILED
    now = before._replace(pins=pins)
    if not words or ENV in words:
        now = now._replace(env={library: current(library) for library in before.env})
    return _written(workspace, before, now, console)


def _wanted(workspace: Workspace, words: list[str]) -> dict[str, OutsideSource]:
    """Return the sources of hubs and clouds that are named by item or address; all without a word.

    Raises:
        ProjectError: with every word that names none.
    """
    hubs = {
        name.partition(":")[2]: stage.source
        for name, stage in workspace.plan.stages.items()
        if stage.source is not None and is_afar(stage.source.uri)
    }
    if not words:
        return hubs
    known = hubs | {address(source.uri, source.revision): source for source in hubs.values()}
    unknown = [word for word in words if word not in known and word != ENV]
    if unknown:
        raise ProjectError(
            [
                Diagnostic(
                    "unknown-source",
                    f"`{word}` is no source of a hub or a cloud, which alone get newer",
                    help=suggestion(word, [*known, ENV]),
                )
                for word in unknown
            ]
        )
    return {word: known[word] for word in words if word != ENV}


def _written(workspace: Workspace, before: Lock, now: Lock, console: Console) -> int:
    """Write the lock and say what changed in it."""
    root: Path = workspace.plan.root
    write(root, now)
    plan = workspace.plan
    changed = stage_changes(before, now, plan.stages)
    if not print_changes(head_changes(before, now), changed, plan, console):
        console.talk("ftc.lock is up to date")
    return Exit.DONE
