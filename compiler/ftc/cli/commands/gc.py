"""Find what no project uses any more in the store; with --delete, delete it.

What stays: all that registered projects use, show under `out/` or have in their ftc.lock, also in
the git refs that `gc: {keep_refs: [...]}` names; running and unfinished work; what is young.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.workspace import Workspace, open_workspace
from ftc.store.care.gc import Garbage, Piece

EXAMPLES = """\
examples:
  ftc gc                           # says what would go, and deletes nothing
  ftc gc --delete
  ftc gc --keep exports --delete   # only exports, adapters and scores stay"""

HOURS = {"h": 1, "d": 24}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--delete", action="store_true", help="delete it")
    parser.add_argument(
        "--keep",
        choices=("all", "exports"),
        help="of this project: all results in use, or only the files of exports, finetunes and"
        " evals; the records stay in any case (default: as project.yaml says, else all)",
    )
    parser.add_argument(
        "--grace", type=_grace, metavar="AGE", help="what is younger stays: 24h, 7d, 0h"
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print a line for each kind of thing that goes, and how much that is."""
    from ftc.cli.using import have_store_alone
    from ftc.plan.care import described
    from ftc.store.care.gc import delete
    from ftc.store.care.projects import register

    workspace = open_workspace()
    store = workspace.store
    register(store, described(workspace.plan, workspace.owner))
    if not arguments.delete:
        _tell(_garbage(workspace, arguments), console, deleted=False)
        return Exit.DONE

    with have_store_alone(workspace, console):
        found = _garbage(workspace, arguments)
        delete(store, found)
    _tell(found, console, deleted=True)
    return Exit.DONE


def _garbage(workspace: Workspace, arguments: argparse.Namespace) -> Garbage:
    from ftc.plan.care import described
    from ftc.store.care.gc import garbage
    from ftc.store.care.marking import mark
    from ftc.store.care.roots import roots

    project = described(workspace.plan, workspace.owner, keep=arguments.keep)
    store = workspace.store
    used = [
        (name, key)
        for name, state in workspace.freshness().look().items()
        for key in (state.key, store.ref(workspace.owner, name))
        if key is not None
    ]
    grace = _grace(workspace.plan.grace) if arguments.grace is None else arguments.grace
    return garbage(store, mark(store, roots(store, project, used=used), grace_seconds=grace))


def _tell(found: Garbage, console: Console, *, deleted: bool) -> None:
    pieces = found.pieces()
    kinds = sorted({piece.kind for piece in pieces})
    rows = [(kind, [piece for piece in pieces if piece.kind == kind]) for kind in kinds]
    if console.json:
        console.records(
            {"type": "garbage", "kind": kind, "count": _count(some), "bytes": _bytes(some)}
            for kind, some in rows
        )
        console.records([{"type": "gc", "bytes": _bytes(pieces), "deleted": deleted}])
    width = max((len(kind) for kind in kinds), default=0)
    for kind, some in [] if console.json else rows:
        console.data(f"{kind:<{width}}  {_count(some):>5}  {_size(_bytes(some)):>9}")
    if not pieces:
        console.talk("nothing to delete: all that is in the store is in use, or young")
    elif deleted:
        console.talk(f"deleted {_size(_bytes(pieces))}")
    else:
        console.talk(f"{_size(_bytes(pieces))} in all; `ftc gc --delete` deletes it")


def _count(pieces: Sequence[Piece]) -> int:
    """How many results; of what belongs to none, how many files."""
    return len({piece.key or str(piece.path) for piece in pieces})


def _bytes(pieces: Sequence[Piece]) -> int:
    return sum(piece.size for piece in pieces)


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _grace(text: str) -> float:
    """Seconds of `24h` or `7d`."""
    found = re.fullmatch(r"([0-9]{1,6})([hd])", text)
    if found is None:
        raise argparse.ArgumentTypeError("must be hours or days, such as 24h or 7d")
    return int(found[1]) * HOURS[found[2]] * 3600.0
