"""Compare two states of ftc.lock in git, or two results in the store, leaf by leaf.

REV and REV..REV compare locks, REV alone with the one in the working tree; two keys, or beginnings
of keys, compare what is in the store under them.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from pathlib import Path

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.lock_lines import print_changes
from ftc.cli.workspace import Workspace, open_workspace
from ftc.diagnostics import Diagnostic, ProjectError
from ftc.lockfile import FILE_NAME
from ftc.lockfile.lock import Lock
from ftc.lockfile.reading import parse, read
from ftc.plan.explain import changes
from ftc.plan.lock_changes import StageChange, head_changes, outputs_changed, stage_changes
from ftc.plan.stages import Plan, Stage
from ftc.store.records import Record

EXAMPLES = """\
examples:
  ftc diff                 # what changed since the last commit
  ftc diff main..HEAD --exit-code
  ftc diff 3fa4c1 90bb02   # two results in the store"""

KEY = re.compile(r"[0-9a-f]{4,64}(\.alt\.\d+)?")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("sides", nargs="*", metavar="REV|KEY", help="HEAD if none")
    parser.add_argument("--exit-code", action="store_true", help="exit 1 if something differs")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print what differs."""
    if len(arguments.sides) > 2:
        raise _error("usage", "compare two things at a time", None)
    workspace = open_workspace()
    records = _records(arguments.sides, workspace)
    if records is not None:
        count = _print_records(*records, workspace.plan, console)
    else:
        before, now, plan = _locks(arguments.sides, workspace)
        stages = stage_changes(before, now, plan.stages)
        count = print_changes(head_changes(before, now), stages, plan, console)
    if not count:
        console.talk("no difference")
    return Exit.FAILED if count and arguments.exit_code else Exit.DONE


def _records(sides: list[str], workspace: Workspace) -> tuple[Record, Record] | None:
    """Return what two keys gave; None if these are no keys but revisions."""
    if len(sides) != 2 or not all(KEY.fullmatch(side) for side in sides):
        return None
    found = [workspace.store.records(side) for side in sides]
    if not any(found):
        return None
    for side, records in zip(sides, found, strict=True):
        if len(records) != 1:
            what = f"{len(records)} keys begin" if records else "no key in the store begins"
            raise _error("key", f"{what} with {side}", "ftc status --json tells keys")
    (before,), (now,) = (records.values() for records in found)
    return before, now


def _print_records(before: Record, now: Record, plan: Plan, console: Console) -> int:
    kind = now.preimage["kind"]
    stage = next((one for one in plan.stages.values() if one.kind == kind), None)
    leaves = changes(before.preimage, now.preimage, stage=stage and _without_names(stage))
    outputs = outputs_changed(before.outputs, now.outputs)
    if not leaves and all(output.equal for output in outputs):
        return 0
    name = f"{kind} {before.key[:12]} -> {now.key[:12]}"
    return print_changes([], [StageChange(name, "changed", leaves, outputs)], plan, console)


def _locks(sides: list[str], workspace: Workspace) -> tuple[Lock, Lock, Plan]:
    """Return both locks, and the plan for what they leave out."""
    root, plan = workspace.plan.root, workspace.plan
    words = sides[0].split("..") if len(sides) == 1 and ".." in sides[0] else sides or ["HEAD"]
    before, *after = (word or "HEAD" for word in words)
    if not after:
        return _lock_at(before, root), read(root), plan
    # The lines of another commit's project.yaml are not known.
    stages = {name: stage._replace(lines={}) for name, stage in plan.stages.items()}
    return _lock_at(before, root), _lock_at(after[0], root), plan._replace(stages=stages)


def _lock_at(revision: str, root: Path) -> Lock:
    """Return the lock of a commit; an empty one if the commit has none."""
    commit = _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", root=root)
    if commit.returncode != 0:
        message = f"{revision} is no commit of git in {root}"
        raise _error("revision", message, commit.stderr.strip() or None)
    shown = _git("show", f"{commit.stdout.strip()}:./{FILE_NAME}", root=root)
    return parse(shown.stdout if shown.returncode == 0 else "", name=f"{revision}:{FILE_NAME}")


def _git(*words: str, root: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise _error("git", "git is not installed", "two keys can be compared without") from error


def _without_names(stage: Stage) -> Stage:
    """A stage of the same kind: it knows the defaults, and not where these two came from."""
    return stage._replace(lines={}, inputs={}, source=None)


def _error(code: str, message: str, help: str | None) -> ProjectError:
    return ProjectError([Diagnostic(code, message, help=help)])
