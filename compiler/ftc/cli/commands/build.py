"""Build targets and all that they need; only what is stale runs.

Without a target: all exports and evals.
"""

from __future__ import annotations

import argparse
import gc
import os
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from ftc.build.locking import keep_lock
from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.stage_lines import stages
from ftc.cli.using import use_store
from ftc.cli.workspace import Workspace, open_workspace, project_arguments
from ftc.plan.freshness import Freshness
from ftc.plan.needed import proven, unsettled
from ftc.plan.stages import Target

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
        "--rehearse",
        action="store_true",
        help="run everything on a few rows and one step; leave results, refs and out/ alone",
    )
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
    as_locked = parser.add_mutually_exclusive_group()
    as_locked.add_argument(
        "--locked", action="store_true", help="just what ftc.lock says; exit 4 if that differs"
    )
    as_locked.add_argument(
        "--frozen", action="store_true", help="run nothing: take ftc.lock's outputs by digest"
    )
    as_locked.add_argument(
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
    began = time.monotonic()
    workspace = open_workspace(arguments.settings)
    with use_store(workspace, console, registers=not arguments.settings):
        return _run(arguments, console, workspace=workspace, began=began)


def _run(
    arguments: argparse.Namespace, console: Console, *, workspace: Workspace, began: float
) -> int:
    arguments.targets = arguments.targets or arguments.rebuild
    targets = workspace.targets(arguments.targets)
    workspace.hold_stages(arguments.fresh)
    if arguments.rehearse:
        return _rehearse(workspace.rehearsal(), arguments=arguments, console=console)
    freshness = workspace.freshness()
    if arguments.locked or arguments.frozen:
        return _as_locked(targets, workspace, freshness, arguments=arguments, console=console)
    names = workspace.made_by(arguments.targets)
    proven(freshness, names)
    if unsettled(workspace.plan, freshness.states, names):
        _connect(workspace, freshness, arguments=arguments, console=console)
        code = _build(names, workspace, freshness, arguments=arguments, console=console)
        if code != Exit.DONE:
            return code
        if not arguments.settings:
            workspace.use(workspace.plan.closure(names), freshness.states)
        _show(targets, workspace, freshness, arguments=arguments, console=console)
        console.talk(f"built {', '.join(target.name for target in targets)} in {_since(began)}")
    else:
        closure = list(workspace.plan.closure(names))
        if not arguments.settings:
            workspace.use(closure, freshness.states)
        _show(targets, workspace, freshness, arguments=arguments, console=console)
        _up_to_date(len(closure), began, console)
    if not arguments.settings:
        keep_lock(freshness, names)
    if arguments.rebuild:
        gc.enable()
        from ftc.cli.locked import again

        return again(workspace, freshness, arguments.rebuild, console=console)
    return Exit.DONE


def _connect(
    workspace: Workspace, freshness: Freshness, *, arguments: argparse.Namespace, console: Console
) -> None:
    """Let what is not here be had from the remotes, unless nobody is to be asked."""
    if arguments.offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
        return
    from ftc.cli.remotes import supply_of

    freshness.supply = supply_of(workspace, console)


def _as_locked(
    targets: Sequence[Target],
    workspace: Workspace,
    freshness: Freshness,
    *,
    arguments: argparse.Namespace,
    console: Console,
) -> int:
    """Build what ftc.lock says, and leave it as it is."""
    _connect(workspace, freshness, arguments=arguments, console=console)
    if arguments.frozen:
        from ftc.cli.frozen import frozen

        code, freshness = frozen(workspace, freshness, targets, console=console)
    else:
        gc.enable()
        from ftc.cli.locked import locked

        code, freshness = locked(workspace, freshness, arguments=arguments, console=console)
    if code == Exit.DONE:
        _show(targets, workspace, freshness, arguments=arguments, console=console)
    return code


def _rehearse(workspace: Workspace, *, arguments: argparse.Namespace, console: Console) -> int:
    """Run the small graph. What it makes is nobody's result, so nothing is shown of it."""
    began = time.monotonic()
    names = workspace.made_by(arguments.targets)
    freshness = workspace.freshness()
    code, again = int(Exit.DONE), " already"
    if unsettled(workspace.plan, freshness.look(), names):
        code = _build(names, workspace, freshness, arguments=arguments, console=console)
        again = f" in {_since(began)}"
    if code == Exit.DONE:
        count = len(workspace.plan.closure(names))
        what = f"all of {', '.join(arguments.targets)}" if arguments.targets else "the whole graph"
        console.talk(f"rehearsed {stages(count)}{again}: {what} runs")
        if console.json:
            console.records([{"type": "rehearsed", "stages": count}])
    return code


def _build(
    names: list[str],
    workspace: Workspace,
    freshness: Freshness,
    *,
    arguments: argparse.Namespace,
    console: Console,
) -> int:
    gc.enable()
    from ftc.build.ask import AskError
    from ftc.build.engine import build
    from ftc.build.pins import pin
    from ftc.build.ready import hold_libraries
    from ftc.cli.progress import Progress
    from ftc.cli.reading import Reading
    from ftc.lockfile.reading import read
    from ftc_runtime.errors import StageError

    plan = workspace.plan
    read(plan.root)  # one that cannot be read is told before anything runs
    try:
        hold_libraries(freshness, names)
        if not arguments.offline:
            needed = plan.closure(names).values()
            pin(needed, workspace.sources, say=console.talk, keep=not arguments.settings)
    except AskError as error:
        console.error("source", error.message, error.hint)
        return Exit.FAILED
    except StageError as error:
        console.error("libraries", error.message, error.hint)
        return Exit.FAILED
    outcome = build(
        freshness,
        names,
        reporter=Progress(plan, console, total=len(plan.closure(names))),
        jobs=arguments.jobs,
        keep_going=arguments.keep_going,
        reading=Reading(console).told,
        afresh=arguments.fresh,
        keep_refs=not arguments.settings,
    )
    if outcome.interrupted:
        console.talk("interrupted; nothing half-made is kept: the same command goes on")
    elif outcome.failed:
        done = len(outcome.records)
        words = ["ftc build", *(["--rehearse"] if arguments.rehearse else []), *arguments.targets]
        again = " ".join([*words, *_overrides(arguments)])
        console.talk(
            f"{len(outcome.failed)} failed, {len(outcome.left_out)} not begun, {done} done."
            f" After mending it: {again}"
        )
    return outcome.code


def _overrides(arguments: argparse.Namespace) -> list[str]:
    """Return the settings of the command line as they would be typed again."""
    return [word for setting in arguments.settings for word in ("-s", shlex.quote(setting))]


def _show(
    targets: Sequence[Target],
    workspace: Workspace,
    freshness: Freshness,
    *,
    arguments: argparse.Namespace,
    console: Console,
) -> None:
    """Link the results under `out/`, and print the scores of evals.

    With settings of the command line `out/` stays as it is, and where the results are is printed.
    """
    from ftc.build.views import OUT_FOLDER, make_view, show, with_card
    from ftc.cli.scores import print_scores, read_scores

    root = workspace.plan.root
    out = Path(arguments.out).absolute() if arguments.out else root / OUT_FOLDER
    shown = {target.name: target for target in (with_card(one, freshness) for one in targets)}
    for target in shown.values():
        place = make_view(target, freshness.states, workspace.store, root=root)
        if arguments.out or not arguments.settings:
            place = show(place, target, out=out)
        if target.section == "evals" and (scores := read_scores(place)):
            print_scores(target.name, scores, console)
        if console.json:
            console.records([{"type": "result", "target": target.name, "path": str(place)}])
        elif arguments.settings:
            console.data(f"{target.name}: {place}")


def _up_to_date(count: int, began: float, console: Console) -> None:
    if console.json:
        console.records([{"type": "up-to-date", "stages": count}])
    console.talk(f"{stages(count)} up to date ({_since(began)})")


def _since(began: float) -> str:
    seconds = time.monotonic() - began
    return f"{seconds:.2f} s" if seconds < 10 else f"{int(seconds) // 60}m{int(seconds) % 60:02}s"


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
