"""The project that a command works on: its plan, its store, what is fresh."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ftc.plan import cache
from ftc.plan.freshness import Freshness, State, Status
from ftc.plan.sources import Sources
from ftc.plan.stages import CARDS, Edge, Plan, Stage, Target
from ftc.store.statcache import StatCache
from ftc.store.store import Store

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from ftc.diagnostics import Diagnostic
    from ftc.store.supply import Supply

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

    def freshness(self, supply: Supply | None = None) -> Freshness:
        """Return the one that answers what is fresh, with a supply also what can be fetched."""
        return Freshness(self.plan, self.store, self.sources, self.owner, supply)

    def use(self, names: Iterable[str], states: Mapping[str, State]) -> None:
        """Note that this project uses these results, and keep the records that came from afar.

        A renamed or a shared result has no note yet; a record is what keys are made from.
        """
        for name in names:
            record = states[name].known
            if record is not None:
                afar = states[name].status in (Status.REMOTE, Status.ABSENT)
                if afar and self.store.record(record.key) is None:
                    self.store.publish(record)
                self.store.set_ref(self.owner, name, record.key)

    def rehearsal(self) -> Workspace:
        """Return the same project made small, whose refs are not the project's."""
        from ftc.plan.rehearsal import owner_of_rehearsal, rehearsal  # takes pydantic

        return self._replace(plan=rehearsal(self.plan), owner=owner_of_rehearsal(self.owner))

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
        """Return the targets that the user named; without any, all exports, evals and cards.

        Raises:
            ProjectError: with every name that does not exist.
        """
        if not words:
            whole = [t for t in self.plan.targets.values() if t.section in ("exports", "evals")]
            cards = [t for t in self.plan.targets.values() if t.section == CARDS]
            return [target for target in whole if target.output is None] + cards
        found = [(word, self._targets(word)) for word in words]
        unknown = [word for word, targets in found if not targets]
        if unknown:
            from ftc.diagnostics import ProjectError

            raise ProjectError([self._unknown(word) for word in unknown])
        return list({target.name: target for _, targets in found for target in targets}.values())

    def _targets(self, word: str) -> list[Target]:
        """Return what a word names: one target, or all variants of an item."""
        known = self.plan.targets
        if word in known:
            return [known[word]]
        if word in self.plan.stages:
            return [Target(word, "stages", _every_output(self.plan, word))]
        if variants := [target for target in known.values() if target.variant_of == word]:
            return variants
        noun, _, name = word.partition(":")
        if not name or name.startswith(":"):
            return []
        return [target for target in self._targets(name) if target.section == f"{noun}s"]

    def words(self) -> list[str]:
        """Return all that can be named: targets, items with variants, stages."""
        groups = dict.fromkeys(t.variant_of for t in self.plan.targets.values() if t.variant_of)
        return [*self.plan.targets, *groups, *self.plan.stages]

    def hold_stages(self, words: Sequence[str]) -> None:
        """See that each word names a stage.

        Raises:
            ProjectError: with every word that does not.
        """
        if unknown := [word for word in words if word not in self.plan.stages]:
            from ftc.diagnostics import ProjectError

            raise ProjectError([self._unknown_stage(word) for word in unknown])

    def _unknown_stage(self, word: str) -> Diagnostic:
        from ftc.diagnostics import Diagnostic, did_you_mean

        targets = self._targets(word)
        guess = targets[0].stages()[0] if targets else did_you_mean(word, self.plan.stages)
        hint = f"did you mean `{guess}`?" if guess else "`ftc graph` lists the stages"
        return Diagnostic("unknown-stage", f"there is no stage `{word}`", help=hint)

    def _unknown(self, word: str) -> Diagnostic:
        from ftc.diagnostics import Diagnostic, did_you_mean

        guess = did_you_mean(word, self.words())
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


def project_arguments(parser: ArgumentParser) -> None:
    """Declare what every command takes that plans the project."""
    parser.add_argument(
        "-s",
        dest="settings",
        action="append",
        default=[],
        metavar="PATH=YAML",
        help="set something for this run only: assistant.lora.r=8",
    )


def open_workspace(settings: Sequence[str] = ()) -> Workspace:
    """Return the project of this folder, checked, with its plan from the cache where that holds.

    *settings* are laid over the file; such a plan is neither kept nor taken from the cache.
    """
    file = find_project()
    root = Path(os.path.normpath(file.absolute())).parent
    store = Store(Path(os.environ.get(STORE_VARIABLE) or root / STORE_FOLDER).absolute())
    plan = make_plan(file, settings) if settings else _kept_plan(store, file)
    owner = f"{plan.project}-{_owner_id(file)}"
    return Workspace(plan, store, Sources(root, StatCache(store)), owner)


def keep_plan(workspace: Workspace) -> None:
    """Keep the plan again: of what it is made from, ftc.lock has been written to say the same."""
    file = workspace.plan.file
    cache.save(_plan_file(workspace.store, file), workspace.plan, cache.fingerprint(file))


def _owner_id(file: Path) -> str:
    return hashlib.sha256(str(file.resolve().parent).encode()).hexdigest()[:12]


def _plan_file(store: Store, file: Path) -> Path:
    return store.root / "plans" / _owner_id(file) / cache.FILE_NAME


def _kept_plan(store: Store, file: Path) -> Plan:
    """Return the plan kept in the store, or make it and keep it there."""
    kept, made_from = _plan_file(store, file), cache.fingerprint(file)
    plan = cache.load(kept, made_from)
    if plan is None:
        plan = make_plan(file)
        cache.save(kept, plan, made_from)
    return plan


def make_plan(file: Path, settings: Sequence[str] = ()) -> Plan:
    """Load, check and lower a project. Slow: takes pydantic and yaml."""
    from ftc.lockfile.reading import read_head
    from ftc.plan.lower import lower
    from ftc.project.load import load

    locked = read_head(file.parent).env
    return lower(load(file, os.environ, settings), libraries=locked)
