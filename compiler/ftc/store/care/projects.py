"""The projects that use a store: one small file each, so that nobody's results are taken away."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

from ftc.store import atomic
from ftc.store.store import Store, file_name

PROJECT_FILE = "project.yaml"
_NAME = re.compile(r"""^name:[ \t]*["']?([a-z0-9-]+)""", re.MULTILINE)


class Project(NamedTuple):
    """One project as its last build described it."""

    owner: str
    """Whose refs: `forge-0123456789ab`."""
    name: str
    folder: Path
    keep_refs: tuple[str, ...] = ()
    """Patterns of git refs: what their ftc.lock names is kept."""
    kept: tuple[str, ...] | None = None
    """The outputs whose files are kept, as `gguf:g>gguf`; None stands for all."""

    def is_gone(self) -> bool:
        """Say whether its folder has no project.yaml, or that of another project."""
        try:
            text = (self.folder / PROJECT_FILE).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return True
        found = _NAME.search(text)
        return found is not None and found[1] != self.name


def register(store: Store, project: Project) -> None:
    """Note that the project uses the store. One that was moved gets the refs that it had before."""
    data = _encode(project)
    file = _file(store, project.owner)
    if file.is_file() and file.read_bytes() == data:
        return
    if not file.exists():
        _find_refs_again(store, project)
    atomic.write(file, data, scratch=store.root / "tmp")


def registered(store: Store) -> list[Project]:
    """Return the projects that use the store, those that are gone too. A torn file is none."""
    found = []
    for file in sorted((store.root / "projects").glob("*.json")):
        project = decode(file)
        if project is not None:
            found.append(project)
    return found


def decode(file: Path) -> Project | None:
    """Return the project of a file, or None if that is no whole one."""
    try:
        plain = json.loads(file.read_bytes())
        kept = plain["kept"]
        return Project(
            owner=plain["owner"],
            name=plain["name"],
            folder=Path(plain["folder"]),
            keep_refs=tuple(plain["keep_refs"]),
            kept=None if kept is None else tuple(kept),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget(store: Store, project: Project) -> None:
    """Take the project out of the store, with its refs."""
    atomic.remove_tree(_refs(store, project.owner))
    _file(store, project.owner).unlink(missing_ok=True)


def _find_refs_again(store: Store, project: Project) -> None:
    moved = [old for old in registered(store) if old.name == project.name and old.is_gone()]
    if len(moved) == 1 and not _refs(store, project.owner).exists():
        [old] = moved
        if _refs(store, old.owner).is_dir():
            _refs(store, old.owner).rename(_refs(store, project.owner))
        _file(store, old.owner).unlink()


def _encode(project: Project) -> bytes:
    plain = {**project._asdict(), "folder": str(project.folder)}
    return (json.dumps(plain, indent=1, ensure_ascii=False) + "\n").encode()


def _file(store: Store, owner: str) -> Path:
    return store.root / "projects" / f"{file_name(owner)}.json"


def _refs(store: Store, owner: str) -> Path:
    return store.root / "refs" / file_name(owner)
