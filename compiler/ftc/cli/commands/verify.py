"""Read every byte of the store and hold it against its name. Exit 5 if something is damaged."""

from __future__ import annotations

import argparse

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.workspace import open_workspace

EXAMPLES = """\
examples:
  ftc verify
  ftc verify --repair   # moves damage aside; the next build makes it anew"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--repair", action="store_true", help="move what is damaged aside")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print a line for each thing that is damaged, and what it belongs to."""
    from ftc.store.verify import damages, quarantine, users

    store = open_workspace().store
    found = damages(store, told=lambda read, total: _tell(console, read, total))
    for damage in found:
        used = users(store, damage.digest) if damage.digest else []
        name = str(damage.path.relative_to(store.root))
        moved = quarantine(store, damage) if arguments.repair else None
        if console.json:
            record = {"type": "damage", "path": name, "problem": damage.problem, "used_by": used}
            console.records([{**record, "moved_to": str(moved) if moved else None}])
        else:
            console.data(f"{name}: {damage.problem}" + (f" ({', '.join(used)})" if used else ""))
    if console.json and not found:
        console.records([{"type": "verified", "damaged": 0}])
    console.talk(_summary(len(found), repaired=arguments.repair))
    return Exit.STORE_DAMAGED if found and not arguments.repair else Exit.DONE


def _summary(count: int, *, repaired: bool) -> str:
    if not count:
        return "everything in the store is what its name says"
    if repaired:
        return f"{count} moved into quarantine; `ftc build` makes anew what it needs"
    return f"{count} damaged; `ftc verify --repair` moves them aside"


def _tell(console: Console, read: int, total: int) -> None:
    console.show_live(f"  {read / 2**30:.1f} of {total / 2**30:.1f} GiB read")
