"""What the user asks about: a file, a folder, a key, a digest, a target or a stage."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ftc.cli.workspace import (
    PROJECT_FILE,
    STORE_FOLDER,
    STORE_VARIABLE,
    Workspace,
    find_project,
    open_workspace,
)
from ftc.diagnostics import Diagnostic, ProjectError
from ftc.lockfile.reading import read
from ftc.plan.locked import record_of
from ftc.store.digests import PREFIX
from ftc.store.lineage import Lineage, Maker
from ftc.store.records import Record
from ftc.store.store import Store

HEXADECIMAL = re.compile(r"[0-9a-f]{4,64}")
SHORTEST_PREFIX = 4


class Subject(NamedTuple):
    """Something to tell of, as far as it is known."""

    name: str
    """As the user says it."""
    digest: str | None = None
    size: int | None = None
    """In bytes."""
    makers: tuple[Maker, ...] = ()
    """What it is: an output, or a file in some."""
    roots: tuple[Record, ...] = ()
    """Where its story begins, told backwards."""
    notes: tuple[str, ...] = ()
    """What is wrong with it."""
    inputs: tuple[tuple[str, str], ...] = ()
    """Role -> digest, by the metadata of a GGUF file that no store knows."""
    target: str | None = None
    """What `ftc build` calls it in this project."""


class Surroundings(NamedTuple):
    """The project that this folder is in, if there is one, and the stores at hand."""

    workspace: Workspace | None
    stores: tuple[Store, ...]

    def lineage(self, more: Sequence[Record] = ()) -> Lineage:
        """Read every record at hand: those of the stores, of ftc.lock, and *more*."""
        names: dict[str, str] = {}
        locked: list[Record] = []
        if self.workspace is not None:
            store, owner = self.workspace.store, self.workspace.owner
            for stage, entry in read(self.workspace.plan.root).stages.items():
                locked.append(record_of(entry))
                names[entry.key] = stage
            for stage in self.workspace.plan.stages:
                if (key := store.ref(owner, stage)) is not None:
                    names.setdefault(key, stage)
        return Lineage(self.stores, more=[*more, *locked], names=names)


def surroundings(path: Path | None) -> Surroundings:
    """Look around: the project's store, $FTC_STORE, and the one that *path* leads into.

    A project.yaml with mistakes is no project here: a file can be told of all the same.
    """
    roots: list[Path] = []
    workspace = None
    try:
        roots.append(find_project().absolute().parent / STORE_FOLDER)
        workspace = open_workspace()
    except ProjectError:
        pass
    if os.environ.get(STORE_VARIABLE):
        roots.insert(0, Path(os.environ[STORE_VARIABLE]))
    if path is not None:
        roots += _stores_above(path)
    unique = dict.fromkeys(root.resolve() for root in roots)
    return Surroundings(workspace, tuple(Store(root) for root in unique if root.is_dir()))


def _stores_above(path: Path) -> Iterator[Path]:
    """The store into which a link leads, and that of the project in which a path lies."""
    real = path.resolve()
    for folder in real.parents:
        if (folder / "objects").is_dir() and (folder / "ac").is_dir():
            yield folder
    for folder in path.absolute().parents:
        if (folder / PROJECT_FILE).is_file() and (folder / STORE_FOLDER).is_dir():
            yield folder / STORE_FOLDER


def named(word: str, around: Surroundings, lineage: Lineage) -> Subject:
    """Return what a word that is no path means.

    Raises:
        ProjectError: if it means nothing, or several things.
    """
    if word.startswith(PREFIX):
        return _by_digest(word, lineage)
    if around.workspace is not None:
        subject = _of_project(word, around.workspace, lineage)
        if subject is not None:
            return subject
    if HEXADECIMAL.fullmatch(word):
        return _by_hexadecimal(word, lineage)
    plan = around.workspace.plan if around.workspace else None
    from ftc.diagnostics import did_you_mean

    guess = did_you_mean(word, [*plan.targets, *plan.stages]) if plan else None
    help = f"did you mean `{guess}`?" if guess else "name a path, a key, a digest or a target"
    raise _fault("unknown", f"`{word}` is no path, key, digest, target or stage", help)


def of_makers(
    name: str, digest: str, makers: Sequence[Maker], *, size: int | None = None
) -> Subject:
    """Return the subject that these made; the story of the first is told, and of its equals."""
    roots = {maker.record.key: maker.record for maker in makers if maker.file is not None}
    if makers and makers[0].file is None:
        roots = {makers[0].record.key: makers[0].record}
    return Subject(name, digest, size, makers=tuple(makers), roots=tuple(roots.values()))


def _by_digest(word: str, lineage: Lineage) -> Subject:
    digest = _only_one(word, "digest", [d for d in lineage.digests() if d.startswith(word)])
    makers = lineage.makers(digest)
    whole = makers[0].file is None
    return of_makers(word, digest, makers, size=makers[0].stored.size if whole else None)


def _by_hexadecimal(word: str, lineage: Lineage) -> Subject:
    keys = [key for key in lineage.records if key.startswith(word)]
    if not keys:
        return _by_digest(PREFIX + word, lineage)
    record = lineage.records[_only_one(word, "key", keys)]
    return Subject(word, roots=(record,), target=None)


def _only_one(word: str, what: str, found: Sequence[str]) -> str:
    if len(found) == 1:
        return found[0]
    if not found:
        raise _fault(
            "unknown",
            f"no store at hand knows `{word}`",
            f"{STORE_VARIABLE} names another store",
        )
    shown = ", ".join(one.removeprefix(PREFIX)[:16] for one in sorted(found)[:4])
    raise _fault("ambiguous", f"{len(found)} {what}s begin with `{word}`: {shown}", "write more")


def _of_project(word: str, workspace: Workspace, lineage: Lineage) -> Subject | None:
    """A target or a stage: what it came to, else what it came to last."""
    try:
        target = workspace.targets([word])[0]
    except ProjectError:
        return None
    freshness = workspace.freshness()
    states = freshness.look()
    roots, notes = [], []
    for name in target.stages():
        record = states[name].known
        if record is None:
            last = workspace.store.ref(workspace.owner, name)
            record = lineage.records.get(last) if last else None
            if record is not None:
                notes.append(f"{name} is {states[name].status.value}: this is the last one")
        if record is not None:
            roots.append(record)
    if not roots:
        raise _fault("not-built", f"{word} is not built", f"`ftc build {word}` makes it")
    return Subject(word, roots=tuple(roots), notes=tuple(notes), target=word)


def _fault(code: str, message: str, help: str) -> ProjectError:
    return ProjectError([Diagnostic(code, message, help=help)])
