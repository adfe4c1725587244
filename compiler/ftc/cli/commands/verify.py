"""Read every byte of the store and hold it against its name. Exit 5 if something is damaged.

With targets: only what they and all before them came to.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.workspace import Workspace, open_workspace
from ftc.store.care.verify import ALL, Damage, Scope

EXAMPLES = """\
examples:
  ftc verify
  ftc verify merged-gguf
  ftc verify --sample 5   # percent of the files, others each time
  ftc verify --repair     # moves damage aside, fetches what a remote has; a build makes the rest"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="only these, with all before")
    parser.add_argument(
        "--repair", action="store_true", help="mend what can be, fetch what is lost"
    )
    parser.add_argument(
        "--sample",
        type=_percent,
        default=100.0,
        metavar="PERCENT",
        help="read so many of the files",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print a line for each thing that is damaged, and what it belongs to."""
    from ftc.cli.using import use_store
    from ftc.plan.keys import key_of
    from ftc.store.care.verify import damages

    workspace = open_workspace()
    with use_store(workspace, console):
        scope = _scope(workspace, arguments)
        found = damages(
            workspace.store,
            told=lambda read, total: _tell(console, read, total),
            key_of=key_of,
            scope=scope,
        )
        for damage in found:
            _print(damage, workspace, console, repair=arguments.repair)
        if arguments.repair and found:
            _recover(workspace, console)
    if console.json and not found:
        console.records([{"type": "verified", "damaged": 0}])
    if not found:
        console.talk("everything that was read is what its name says")
    elif not arguments.repair:
        console.talk(f"{len(found)} damaged; `ftc verify --repair` mends the store")
    return Exit.STORE_DAMAGED if found and not arguments.repair else Exit.DONE


def _scope(workspace: Workspace, arguments: argparse.Namespace) -> Scope:
    if not arguments.targets:
        return ALL._replace(percent=arguments.sample)
    states = workspace.freshness().look()
    keys = (states[name].key for name in workspace.stages(arguments.targets))
    return Scope(frozenset(key for key in keys if key is not None), arguments.sample)


def _print(damage: Damage, workspace: Workspace, console: Console, *, repair: bool) -> None:
    from ftc.store.care.repair import mend
    from ftc.store.care.verify import users

    store = workspace.store
    used = users(store, damage.digest) if damage.digest else []
    name = str(damage.path.relative_to(store.root))
    done = mend(store, damage) if repair else None
    if console.json:
        record = {"type": "damage", "path": name, "problem": damage.problem, "used_by": used}
        console.records([{**record, "done": done}])
        return
    parts = [f"{name}: {damage.problem}"]
    parts += [f" ({', '.join(used)})"] if used else []
    parts += [f"; {done}"] if done else []
    console.data("".join(parts))


def _recover(workspace: Workspace, console: Console) -> None:
    """Get back what can be had without work, and say what cannot."""
    from ftc.cli.remotes import supply_of
    from ftc.store.care.repair import recover

    fetched = recover(workspace.store, supply_of(workspace, console))
    if fetched:
        console.talk(f"fetched the files of {len(fetched)}")
    stages = list(_made_anew(workspace))
    if console.json:
        console.records({"type": "to-make", "stage": stage} for stage in stages)
    elif stages:
        console.talk(f"repaired; the next `ftc build` makes {', '.join(stages)} anew")
    else:
        console.talk("repaired; no export and no eval lacks anything")


def _made_anew(workspace: Workspace) -> Iterator[str]:
    from ftc.plan.needed import unsettled

    freshness = workspace.freshness()
    freshness.look()
    yield from unsettled(freshness, workspace.made_by([]))


def _tell(console: Console, read: int, total: int) -> None:
    console.show_live(f"  {read / 2**30:.1f} of {total / 2**30:.1f} GiB read")


def _percent(text: str) -> float:
    number = float(text)
    if not 0 < number <= 100:
        raise argparse.ArgumentTypeError("must be above 0 and at most 100")
    return number
