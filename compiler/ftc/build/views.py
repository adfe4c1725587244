"""`out/<target>/`: links to what a target came to, swapped as a whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ftc.plan.freshness import State
from ftc.plan.stages import Target
from ftc.store import atomic
from ftc.store.objects import Stored
from ftc.store.records import Record
from ftc.store.store import Store
from ftc.store.views import RECORD_FILE, view_of

OUT_FOLDER = "out"


def show(target: Target, states: Mapping[str, State], store: Store, *, root: Path) -> Path:
    """Make `out/<target>` point to a folder of links to the target's outputs; return it.

    The folder itself lies in the store, named by what it shows, and `out/<target>` is a link to
    it: so it changes from the old result to the new one in one step.
    """
    # Asked for every time: the store makes the folder of a tree anew where it is gone.
    made = {
        path: store.path(_stored(states[edge.stage], edge.output))
        for path, edge in target.links.items()
    }
    record = _record(target, states)
    view = view_of(store, record, root)
    links = dict(_links(made, view))
    if not _is_as_made(view, links, record):
        beside = store.root / "tmp" / f"view-{view.name}-{os.getpid()}"
        beside.mkdir(parents=True)
        (beside / RECORD_FILE).write_text(record, encoding="utf-8")
        for path, goal in links.items():
            (beside / path).parent.mkdir(parents=True, exist_ok=True)
            (beside / path).symlink_to(goal)
        atomic.replace_folder(beside, view, scratch=store.root / "tmp")
    return _point(root / OUT_FOLDER / target.name.replace(":", "-"), view)


def _links(made: Mapping[str, Path], view: Path) -> Iterator[tuple[str, str]]:
    """What each link in the view says; "." spreads a folder's files."""
    for path, place in made.items():
        if path == ".":
            for entry in sorted(place.iterdir()):
                yield entry.name, os.path.relpath(entry, view)
        else:
            yield path, os.path.relpath(place, (view / path).parent)


def _is_as_made(view: Path, links: Mapping[str, str], record: str) -> bool:
    try:
        found = {
            path.relative_to(view).as_posix(): str(path.readlink())
            for path in view.rglob("*")
            if path.is_symlink()
        }
        return found == links and (view / RECORD_FILE).read_text(encoding="utf-8") == record
    except (OSError, ValueError):
        return False


def _stored(state: State, output: str) -> Stored:
    record = _made(state)
    return record.outputs[output]


def _made(state: State) -> Record:
    if state.record is None:
        raise ValueError(f"{state.stage} has no result to show")
    return state.record


def _record(target: Target, states: Mapping[str, State]) -> str:
    shown = {
        path: {
            "stage": edge.stage,
            "output": edge.output,
            "key": states[edge.stage].key,
            "digest": _stored(states[edge.stage], edge.output).digest,
            "size": _stored(states[edge.stage], edge.output).size,
            "facts": _made(states[edge.stage]).facts,
        }
        for path, edge in target.links.items()
    }
    return json.dumps({"target": target.name, "outputs": shown}, indent=2) + "\n"


def _point(link: Path, view: Path) -> Path:
    link.parent.mkdir(parents=True, exist_ok=True)
    wanted = os.path.relpath(view, link.parent)
    if link.is_symlink() and os.readlink(link) == wanted:  # noqa: PTH115 - compared as text
        return link
    beside = link.with_name(f".{link.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(wanted)
    beside.replace(link)
    return link
