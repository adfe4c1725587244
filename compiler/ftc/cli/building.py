"""How the commands that build run stages, and show what came of them."""

from __future__ import annotations

import argparse
import gc
import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.workspace import Workspace
from ftc.plan.freshness import Freshness
from ftc.plan.stages import Target


def build_stages(
    names: list[str],
    workspace: Workspace,
    freshness: Freshness,
    *,
    arguments: argparse.Namespace,
    console: Console,
) -> int:
    """Build the named stages and what they need, as the command line asks; return the code."""
    gc.enable()
    from ftc.build.engine import build
    from ftc.cli.progress import Progress
    from ftc.cli.reading import Reading

    plan = workspace.plan
    if not _is_ready(names, workspace, freshness, arguments=arguments, console=console):
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
        console.talk(
            f"{len(outcome.failed)} failed, {len(outcome.left_out)} not begun, {done} done."
            f" After mending it: {_typed_again(arguments)}"
        )
    return outcome.code


def _is_ready(
    names: list[str],
    workspace: Workspace,
    freshness: Freshness,
    *,
    arguments: argparse.Namespace,
    console: Console,
) -> bool:
    """See that the libraries are those of the keys, and that every source is pinned."""
    from ftc.build.ask import AskError
    from ftc.build.pins import pin
    from ftc.build.ready import hold_libraries
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
        return False
    except StageError as error:
        console.error("libraries", error.message, error.hint)
        return False
    return True


def _typed_again(arguments: argparse.Namespace) -> str:
    """Return the command as it would be typed again."""
    rehearse = ["--rehearse"] if arguments.rehearse else []
    settings = [word for one in arguments.settings for word in ("-s", shlex.quote(one))]
    return " ".join(["ftc build", *rehearse, *arguments.targets, *settings])


def show_results(
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


def since() -> Callable[[], str]:
    """Start a clock; what comes back says how long ago that was."""
    began = time.monotonic()

    def told() -> str:
        seconds = time.monotonic() - began
        minutes, rest = divmod(int(seconds), 60)
        return f"{seconds:.2f} s" if seconds < 10 else f"{minutes}m{rest:02}s"

    return told
