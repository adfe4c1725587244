"""What must stay in a store: the results that some project uses, shows, or has locked."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from ftc.diagnostics import Diagnostic, ProjectError
from ftc.store.care.projects import Project, registered
from ftc.store.records import REHEARSAL
from ftc.store.store import Store, file_name, key_of_ref

LOCK_FILE = "ftc.lock"
OUT_FOLDER = "out"
_LOCKED = re.compile(r'^\[stage\."?([^"\]]+)"?\]$|^key = "([0-9a-f]{64})"$', re.MULTILINE)


class Root(NamedTuple):
    """One result that stays."""

    key: str
    outputs: frozenset[str] | None = None
    """Those whose files stay; None stands for all. The record stays in any case."""


def roots(store: Store, project: Project, *, used: Sequence[tuple[str, str]]) -> list[Root]:
    """Return all roots. *used*: stage and key of what *project* uses as it stands now.

    What *project* has refs to and no stage for any more is none.

    Raises:
        ProjectError: if a project keeps git refs and git cannot tell them.
    """
    found = [_root(project, stage, key) for stage, key in used]
    known = {other.owner: other for other in registered(store)} | {project.owner: project}
    for other in known.values():
        if not other.is_gone():
            found += [_root(other, stage, key) for stage, key in _locked(other)]
            found += _shown(other)
    stages = {file_name(stage) for stage, _ in used}
    by_folder = {file_name(owner): other for owner, other in known.items()}
    for folder in _folders(store.root / "refs"):
        owner = by_folder.get(folder.name)
        if folder.name.endswith(f".{REHEARSAL}") or (owner is not None and owner.is_gone()):
            continue
        for file in folder.glob("*.json"):
            if owner == project and file.stem not in stages:
                continue
            key = key_of_ref(file)
            if key is not None:
                # Nobody knows what the refs of a project that has not registered are for.
                found.append(_root(owner, file.stem, key) if owner else Root(key))
    return found


def _root(project: Project, stage: str, key: str) -> Root:
    """*stage* may be the name of its ref's file too."""
    if project.kept is None:
        return Root(key)
    edges = [edge.rsplit(">", 1) for edge in project.kept]
    return Root(key, frozenset(out for name, out in edges if stage in (name, file_name(name))))


def _locked(project: Project) -> Iterator[tuple[str, str]]:
    """Yield stage and key of what the project's ftc.lock names, here and in kept git refs."""
    file = project.folder / LOCK_FILE
    texts = [file.read_text(encoding="utf-8", errors="replace")] if file.is_file() else []
    texts += _locks_in_git(project) if project.keep_refs else []
    for text in texts:
        stage = ""
        for match in _LOCKED.finditer(text):
            if match[1]:
                stage = match[1]
            else:
                yield stage, match[2]


def _locks_in_git(project: Project) -> Iterator[str]:
    for name in _git(project, "for-each-ref", "--format=%(refname:short)").split():
        if any(fnmatchcase(name, pattern) for pattern in project.keep_refs):
            # An older commit may have no lock; then this lists nothing.
            if _git(project, "ls-tree", name, f"./{LOCK_FILE}"):
                yield _git(project, "show", f"{name}:./{LOCK_FILE}")


def _git(project: Project, *words: str) -> str:
    command = ["git", "-C", str(project.folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
        message = f"git cannot read the refs that {project.folder} keeps: {said.strip()}"
        help = "mend that, or take `keep_refs` out of its project.yaml and build"
        raise ProjectError([Diagnostic("git", message, help=help)]) from error
    return done.stdout


def _shown(project: Project) -> Iterator[Root]:
    """Yield what `out/` shows, with the files that it links to."""
    for file in (project.folder / OUT_FOLDER).glob("**/*/record.json"):
        try:
            for output in json.loads(file.read_bytes())["outputs"].values():
                yield Root(output["key"], frozenset([output["output"]]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.is_dir())
