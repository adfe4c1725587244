"""`ftc build --locked` and `--rebuild`: how they are told."""

from __future__ import annotations

import argparse

from ftc.build.locked import LockedOutcome, build_locked
from ftc.build.rebuild import rebuild
from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.lock_lines import print_differences
from ftc.cli.progress import Progress
from ftc.cli.reading import read_sources
from ftc.cli.stage_lines import short, stages
from ftc.cli.workspace import Workspace
from ftc.lockfile.reading import read
from ftc.plan.freshness import Freshness
from ftc.plan.locked import differences
from ftc_runtime.errors import StageError


def locked(
    workspace: Workspace, ours: Freshness, *, arguments: argparse.Namespace, console: Console
) -> tuple[int, Freshness]:
    """Build exactly what ftc.lock says; return the code, and how the stages stand as to it."""
    plan = workspace.plan
    lock = read(plan.root)
    names = workspace.made_by(arguments.targets)
    closure = plan.closure(names)
    read_sources(workspace, closure, console)
    found = list(differences(lock, plan, workspace.sources, closure))
    if found:
        print_differences(found, plan, console)
        console.talk(
            f"ftc.lock differs in {stages(len(found))}, and nothing was run:"
            " `ftc build` without --locked brings it up to date"
        )
        return Exit.LOCK_DIFFERS, ours
    try:
        done = build_locked(
            ours,
            lock,
            names,
            reporter=Progress(plan, console, total=len(closure)),
            jobs=arguments.jobs,
            keep_going=arguments.keep_going,
        )
    except StageError as error:
        console.error("libraries", error.message, error.hint)
        return Exit.FAILED, ours
    _tell(done, console)
    return (Exit.LOCK_DIFFERS if done.mismatches else done.outcome.code), done.freshness


def _tell(done: LockedOutcome, console: Console) -> None:
    """Say of each stage how it was realised, and what did not come out as locked."""
    for name in done.outcome.records:
        if name in done.repeated:
            how = "run again: the same bytes as in ftc.lock"
        elif name in done.outcome.made:
            how = "fetched by its digests in ftc.lock"
        else:
            how = "here, with the digests in ftc.lock"
        if console.json:
            console.records([{"type": "realised", "stage": name, "how": how}])
        console.talk(f"= {name}  {how}")
    for one in done.mismatches:
        if console.json:
            locked = {"locked": one.locked.digest, "here": one.here.digest, "reason": one.reason}
            console.records(
                [{"type": "mismatch", "stage": one.stage, "output": one.output, **locked}]
            )
        else:
            console.data(
                f"{one.stage}: {one.output} differs from ftc.lock: {one.reason}\n"
                f"  {one.locked.digest} in ftc.lock, {one.locked.size} bytes\n"
                f"  {one.here.digest} here, {one.here.size} bytes"
            )


def again(
    workspace: Workspace, freshness: Freshness, arguments: argparse.Namespace, *, console: Console
) -> int:
    """Run the stages of `--rebuild` once more and compare."""
    plan = workspace.plan
    names = workspace.made_by(arguments.rebuild)
    outcome, found = rebuild(
        freshness,
        names,
        reporter=Progress(plan, console, total=len(names)),
        keep_refs=not arguments.settings,
    )
    for one in found:
        if console.json:
            digests = {"first": one.first.digest, "second": one.second.digest, "where": one.where}
            console.records(
                [{"type": "repetition", "stage": one.stage, "output": one.output, **digests}]
            )
        elif one.where is None:
            console.data(f"{one.stage}: {one.output} came out the same, {short(one.first.digest)}")
        else:
            console.data(
                f"{one.stage}: {one.output} came out otherwise, first in {one.where}\n"
                f"  {one.first.digest}, {one.first.size} bytes, the first time\n"
                f"  {one.second.digest}, {one.second.size} bytes now, kept beside it"
            )
    differs = any(one.where is not None for one in found)
    return outcome.code or (Exit.FAILED if differs else Exit.DONE)
