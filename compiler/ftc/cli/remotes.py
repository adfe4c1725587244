"""The remotes of the project that a command works on, as a supply for its freshness."""

from __future__ import annotations

import os

from ftc.cli.console import Console
from ftc.cli.workspace import Workspace, find_project
from ftc.project.load import load
from ftc.project.sections.remotes import Item
from ftc.store.records import Record
from ftc.store.remotes.filesystem import open_place
from ftc.store.remotes.place import Address, RemoteFault
from ftc.store.remotes.remote import Remote
from ftc.store.remotes.remotes import Remotes

EXAMPLE = "remotes: {team: {url: s3://bucket/prefix, access: read-write}}"


def remotes_of(workspace: Workspace) -> list[Remote]:
    """Return the project's remotes, in file order. None is opened yet.

    Raises:
        ProjectError: if project.yaml or ftc.local.yaml has mistakes.
    """
    items = load(find_project(), os.environ).operational["remotes"]
    return [
        Remote(
            Address(
                name=name,
                url=item.url,
                writable=item.access == "read-write",
                options=item.storage_options,
                folder=workspace.plan.root,
            ),
            open_place,
        )
        for name, item in items.items()
        if isinstance(item, Item)
    ]


def records_of(workspace: Workspace, console: Console) -> list[Record]:
    """Return every record that the project's remotes have and can list."""
    found: list[Record] = []
    for remote in remotes_of(workspace):
        try:
            found += remote.records()
        except RemoteFault as fault:
            _warn(console, fault)
    return found


def supply_of(workspace: Workspace, console: Console) -> Remotes | None:
    """Return the remotes for a command that goes on without one that fails; None without any."""
    remotes = remotes_of(workspace)
    if not remotes:
        return None
    return Remotes(workspace.store, remotes, lost=lambda fault: _warn(console, fault))


def _warn(console: Console, fault: RemoteFault) -> None:
    if console.json:
        console.records([{"type": "warning", "text": fault.message, "help": fault.hint}])
    hint = f"\n = help: {fault.hint}" if fault.hint else ""
    console.talk(f"warning: {fault.message}; going on without it{hint}", style="yellow")
