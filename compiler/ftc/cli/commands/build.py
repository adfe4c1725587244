"""Build targets and all that they need; only what is stale runs.

Without a target: all exports and evals.
"""

from __future__ import annotations

import argparse
import os

from ftc.build.locking import keep_lock
from ftc.cli.building import build_stages, show_results, since
from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.stage_lines import stages
from ftc.cli.using import use_store
from ftc.cli.workspace import Workspace, keep_plan, open_workspace, project_arguments
from ftc.plan.freshness import Freshness
from ftc.plan.needed import proven, unsettled

EXAMPLES = """\
examples:
  ftc build
  ftc build merged-gguf
  ftc build recall --keep-going
  ftc build --rehearse merged-gguf"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="items, outputs or stages")
    parser.add_argument("-n", "--dry-run", action="store_true", help="only show what would run")
    parser.add_argument(
        "-k",
        "--keep-going",
        action="store_true",
        help="after a failure build what does not need it",
    )
    parser.add_argument(
        "-j",
        "--jobs",
        type=_positive,
        default=1,
        metavar="N",
        help="stages at a time (default 1). A training has a GPU of its own; on the CPU each stage"
        " uses every processor, and two at a time are no faster than one after the other",
    )
    parser.add_argument(
        "--offline", action="store_true", help="ask no remote and no hub: the store must do"
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--rehearse",
        action="store_true",
        help="run everything on a few rows and one step; leave results, refs and out/ alone",
    )
    way.add_argument(
        "--locked", action="store_true", help="just what ftc.lock says; exit 4 if that differs"
    )
    way.add_argument(
        "--frozen", action="store_true", help="run nothing: take ftc.lock's outputs by digest"
    )
    way.add_argument(
        "--rebuild",
        action="append",
        default=[],
        metavar="STAGE",
        help="run it again, and compare with its result",
    )
    parser.add_argument(
        "--fresh",
        action="append",
        default=[],
        metavar="STAGE",
        help="drop the checkpoints of a stage that was interrupted; may be repeated",
    )
    parser.add_argument("--out", metavar="DIR", help="link the results in DIR instead of out/")
    project_arguments(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Build, then show the results under `out/`."""
    if arguments.dry_run:
        from ftc.cli.commands import plan

        return plan.run(arguments, console)
    arguments.targets = arguments.targets or arguments.rebuild
    workspace = open_workspace(arguments.settings)
    workspace.targets(arguments.targets)
    workspace.hold_stages(arguments.fresh)
    with use_store(workspace, console, registers=not arguments.settings):
        if arguments.rehearse:
            return _rehearse(workspace.rehearsal(), arguments, console)
        if arguments.locked or arguments.frozen:
            return _as_locked(workspace, arguments, console)
        code = _build(workspace, arguments, console)
        if code == Exit.DONE and arguments.rebuild:
            return _again(workspace, arguments, console)
        return code


def _build(workspace: Workspace, arguments: argparse.Namespace, console: Console) -> int:
    """Build what is stale, and note what the project uses now."""
    ended = since()
    freshness = workspace.freshness()
    names = workspace.made_by(arguments.targets)
    closure = workspace.plan.closure(names)
    proven(freshness, names)
    worked = bool(unsettled(freshness, names))
    if worked:
        _ask_remotes(workspace, freshness, arguments, console)
        code = build_stages(names, workspace, freshness, arguments=arguments, console=console)
        if code != Exit.DONE:
            return code
    if not arguments.settings:
        workspace.use(closure, freshness.states)
    targets = workspace.targets(arguments.targets)
    show_results(targets, workspace, freshness, arguments=arguments, console=console)
    if worked:
        console.talk(f"built {', '.join(target.name for target in targets)} in {ended()}")
    else:
        if console.json:
            console.records([{"type": "up-to-date", "stages": len(closure)}])
        console.talk(f"{stages(len(closure))} up to date ({ended()})")
    if not arguments.settings and keep_lock(freshness, names):
        keep_plan(workspace)
    return Exit.DONE


def _again(workspace: Workspace, arguments: argparse.Namespace, console: Console) -> int:
    """Run stages once more, and compare."""
    from ftc.cli.locked import again

    freshness = workspace.freshness()
    freshness.look()
    return again(workspace, freshness, arguments, console=console)


def _as_locked(workspace: Workspace, arguments: argparse.Namespace, console: Console) -> int:
    """Build what ftc.lock says, and leave it as it is."""
    freshness = workspace.freshness()
    targets = workspace.targets(arguments.targets)
    _ask_remotes(workspace, freshness, arguments, console)
    if arguments.frozen:
        from ftc.cli.frozen import frozen

        code, freshness = frozen(workspace, freshness, targets, console=console)
    else:
        from ftc.cli.locked import locked

        code, freshness = locked(workspace, freshness, arguments=arguments, console=console)
    if code == Exit.DONE:
        show_results(targets, workspace, freshness, arguments=arguments, console=console)
    return code


def _rehearse(workspace: Workspace, arguments: argparse.Namespace, console: Console) -> int:
    """Run the small graph. What it makes is nobody's result, so nothing is shown of it."""
    ended = since()
    names = workspace.made_by(arguments.targets)
    freshness = workspace.freshness()
    code, again = int(Exit.DONE), " already"
    freshness.look()
    if unsettled(freshness, names):
        code = build_stages(names, workspace, freshness, arguments=arguments, console=console)
        again = f" in {ended()}"
    if code == Exit.DONE:
        count = len(workspace.plan.closure(names))
        what = f"all of {', '.join(arguments.targets)}" if arguments.targets else "the whole graph"
        console.talk(f"rehearsed {stages(count)}{again}: {what} runs")
        if console.json:
            console.records([{"type": "rehearsed", "stages": count}])
    return code


def _ask_remotes(
    workspace: Workspace, freshness: Freshness, arguments: argparse.Namespace, console: Console
) -> None:
    """Let what is not here come from the project's remotes, unless the user is offline."""
    if arguments.offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
        return
    from ftc.cli.remotes import supply_of

    freshness.supply = supply_of(workspace, console)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
