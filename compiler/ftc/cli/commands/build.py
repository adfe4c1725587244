"""Build targets and all that they need; only what is stale runs.

Without a target: all exports and evals.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Sequence

from ftc.build.locking import keep_lock
from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.stage_lines import stages
from ftc.cli.workspace import Workspace, open_workspace
from ftc.plan.freshness import Freshness
from ftc.plan.needed import unsettled
from ftc.plan.stages import Target

EXAMPLES = "examples:\n  ftc build\n  ftc build merged-gguf\n  ftc build recall --keep-going"


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
        help="stages at a time (default 1). Each training has a GPU of its own; on the CPU each"
        " stage uses every processor, so that two at a time take as long as one after the other",
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


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Build, then show the results under `out/`."""
    if arguments.dry_run:
        from ftc.cli.commands import plan

        return plan.run(arguments, console)
    began = time.monotonic()
    workspace = open_workspace()
    arguments.targets = arguments.targets or arguments.rebuild
    targets = workspace.targets(arguments.targets)
    freshness = workspace.freshness()
    if arguments.locked or arguments.frozen:
        return _as_locked(targets, workspace, freshness, arguments=arguments, console=console)
    names = workspace.made_by(arguments.targets)
    if unsettled(workspace.plan, freshness.look(), names):
        code = _build(names, workspace, freshness, arguments=arguments, console=console)
        if code != Exit.DONE:
            return code
        _show(targets, workspace, freshness, console=console)
        keep_lock(freshness, names)
        console.talk(f"built {', '.join(target.name for target in targets)} in {_since(began)}")
    else:
        closure = list(workspace.plan.closure(names))
        _use(closure, workspace, freshness)
        _show(targets, workspace, freshness, console=console)
        keep_lock(freshness, names)
        _up_to_date(len(closure), began, console)
    if arguments.rebuild:
        gc.enable()
        from ftc.cli.locked import again

        return again(workspace, freshness, arguments.rebuild, console=console)
    return Exit.DONE


def _as_locked(
    targets: Sequence[Target],
    workspace: Workspace,
    freshness: Freshness,
    *,
    arguments: argparse.Namespace,
    console: Console,
) -> int:
    """Build what ftc.lock says, and leave it as it is."""
    if arguments.frozen:
        from ftc.cli.frozen import frozen

        code = frozen(workspace, freshness, targets, console=console)
    else:
        gc.enable()
        from ftc.cli.locked import locked

        code, freshness = locked(workspace, freshness, arguments=arguments, console=console)
    if code == Exit.DONE:
        _show(targets, workspace, freshness, console=console)
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
        pin(plan.closure(names).values(), workspace.sources, say=console.talk)
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
    )
    if outcome.interrupted:
        console.talk("interrupted; nothing half-made is kept: the same command goes on")
    elif outcome.failed:
        done = len(outcome.records)
        again = f"ftc build {' '.join(arguments.targets)}".strip()
        console.talk(
            f"{len(outcome.failed)} failed, {len(outcome.left_out)} not begun, {done} done."
            f" After mending it: {again}"
        )
    return outcome.code


def _use(names: list[str], workspace: Workspace, freshness: Freshness) -> None:
    """Note that this project uses these results: a renamed or a shared one has no note yet."""
    for name in names:
        record = freshness.states[name].known
        if record is not None:
            workspace.store.set_ref(workspace.owner, name, record.key)


def _show(
    targets: Sequence[Target], workspace: Workspace, freshness: Freshness, *, console: Console
) -> None:
    """Link the results under `out/`, and print the scores of evals."""
    from ftc.build.views import show
    from ftc.cli.scores import print_scores, read_scores

    for target in targets:
        view = show(target, freshness.states, workspace.store, root=workspace.plan.root)
        if target.section == "evals" and (scores := read_scores(view)):
            print_scores(target.name, scores, console)
        if console.json:
            console.records([{"type": "result", "target": target.name, "path": str(view)}])


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
