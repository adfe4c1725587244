"""The project that a command works on: its plan, its store, what is fresh."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ftc.plan import cache
from ftc.plan.freshness import Freshness
from ftc.plan.sources import Sources
from ftc.plan.stages import Edge, Plan, Stage, Target
from ftc.store.statcache import StatCache
from ftc.store.store import Store

if TYPE_CHECKING:
    from ftc.diagnostics import Diagnostic

PROJECT_FILE = "project.yaml"
STORE_FOLDER = ".ftc"
STORE_VARIABLE = "FTC_STORE"


class Workspace(NamedTuple):
    """One project with its store."""

    plan: Plan
    store: Store
    sources: Sources
    owner: str
    """Names this project's refs in a store that several share."""

    def freshness(self) -> Freshness:
        """Return the one that answers what is fresh."""
        return Freshness(self.plan, self.store, self.sources, self.owner)

    def stages(self, words: Sequence[str] | None) -> dict[str, Stage]:
        """Return the stages that the user's targets need; None stands for every stage there is.

        Raises:
            ProjectError: with every name that does not exist.
        """
        if words is None:
            return self.plan.stages
        return self.plan.closure(self.made_by(words))

    def made_by(self, words: Sequence[str]) -> list[str]:
        """Return the stages that make the user's targets, without those before them.

        Raises:
            ProjectError: with every name that does not exist.
        """
        return [name for target in self.targets(words) for name in target.stages()]

    def targets(self, words: Sequence[str]) -> list[Target]:
        """Return the targets that the user named; without any, all exports and evals.

        Raises:
            ProjectError: with every name that does not exist.
        """
        if not words:
            whole = [t for t in self.plan.targets.values() if t.section in ("exports", "evals")]
            return [target for target in whole if "." not in target.name]
        found = [(word, self._target(word)) for word in words]
        unknown = [word for word, target in found if target is None]
        if unknown:
            from ftc.diagnostics import ProjectError

            raise ProjectError([self._unknown(word) for word in unknown])
        return [target for _, target in found if target is not None]

    def _target(self, word: str) -> Target | None:
        known = self.plan.targets
        if word in known:
            return known[word]
        if word in self.plan.stages:
            return Target(word, "stages", _every_output(self.plan, word))
        noun, _, name = word.partition(":")
        target = known.get(name)
        return target if target is not None and target.section == f"{noun}s" else None

    def _unknown(self, word: str) -> Diagnostic:
        from ftc.diagnostics import Diagnostic, did_you_mean

        guess = did_you_mean(word, [*self.plan.targets, *self.plan.stages])
        hint = f"did you mean `{guess}`?" if guess else "`ftc graph` lists targets and stages"
        return Diagnostic("unknown-target", f"there is no target `{word}`", help=hint)


def _every_output(plan: Plan, stage: str) -> dict[str, Edge]:
    return {output: Edge(stage, output) for output in plan.stages[stage].outputs}


def find_project() -> Path:
    """Return the project.yaml of this folder or the nearest one above it, relative to here.

    Raises:
        ProjectError: if there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / PROJECT_FILE).is_file():
            return Path(os.path.relpath(folder / PROJECT_FILE, here))
    from ftc.diagnostics import Diagnostic, ProjectError

    raise ProjectError(
        [
            Diagnostic(
                "no-project",
                f"there is no {PROJECT_FILE} in {here} or above it",
                help="`ftc init` starts one",
            )
        ]
    )


def open_workspace() -> Workspace:
    """Return the project of this folder, checked, with its plan from the cache where that holds."""
    file = find_project()
    root = Path(os.path.normpath(file.absolute())).parent
    store = Store(Path(os.environ.get(STORE_VARIABLE) or root / STORE_FOLDER).absolute())
    owner_id = hashlib.sha256(str(file.resolve().parent).encode()).hexdigest()[:12]
    kept = store.root / "plans" / owner_id / cache.FILE_NAME
    made_from = cache.fingerprint(file)
    plan = cache.load(kept, made_from)
    if plan is None:
        plan = make_plan(file)
        cache.save(kept, plan, made_from)
    return Workspace(plan, store, Sources(root, StatCache(store)), f"{plan.project}-{owner_id}")


def make_plan(file: Path) -> Plan:
    """Load, check and lower a project. Slow: takes pydantic and yaml."""
    from ftc.lockfile.reading import read_head
    from ftc.plan.lower import lower
    from ftc.project.load import load

    locked = read_head(file.parent).env
    return lower(load(file, os.environ), libraries=locked)
