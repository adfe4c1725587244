"""`ftc build --frozen`: how it is told. Loads nothing that runs stages."""

from __future__ import annotations

from collections.abc import Sequence

from ftc.build.frozen import NotAtHand, take_frozen
from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.workspace import Workspace
from ftc.lockfile.reading import read
from ftc.plan.freshness import Freshness
from ftc.plan.locked import LockedFreshness
from ftc.plan.stages import Target


def frozen(
    workspace: Workspace, ours: Freshness, targets: Sequence[Target], *, console: Console
) -> tuple[int, Freshness]:
    """Take the locked outputs of targets from the store or a remote; run nothing.

    Return the code, and how the stages stand as to ftc.lock.
    """
    lock = read(workspace.plan.root)
    freshness = LockedFreshness(ours, lock, resolves=False)
    freshness.look()

    def show(stage: str, done: int, total: int) -> None:
        console.show_live(f"  {stage}  {done // 10**6} of {total // 10**6} MB")

    try:
        origins = take_frozen(freshness, lock, targets, told=show)
    except NotAtHand as nowhere:
        for one in nowhere.missing:
            digest = f" {one.digest}" if one.digest else ""
            console.error("frozen", f"{one.stage} ({one.output}){digest}: {one.problem}", None)
        return Exit.FAILED, freshness
    for name, origin in origins.items():
        if console.json:
            console.records([{"type": "taken", "output": name, "from": origin}])
        console.talk(f"= {name}  taken from {origin}")
    return Exit.DONE, freshness
