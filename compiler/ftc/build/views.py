"""`out/<target>/`: links to what a target came to, swapped as a whole.

The folder of links lies in the store, and `out/<target>` is a link to it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ftc.plan.freshness import Freshness, State, Status
from ftc.plan.stages import CARD_SUFFIX, CARDS, Target
from ftc.store import atomic
from ftc.store.objects import Stored
from ftc.store.records import Record
from ftc.store.store import Store
from ftc.store.views import RECORD_FILE, view_of

OUT_FOLDER = "out"
HERE = (Status.FRESH, Status.CACHED)


def with_card(target: Target, freshness: Freshness) -> Target:
    """Return what to show for a target: an export with its card beside it, if that is its own.

    A card is shown only where its key is the one that the export, its data and its scores give
    now: never an old card beside a newer export.
    """
    plan = freshness.plan
    name = target.name.removesuffix(CARD_SUFFIX) if target.section == CARDS else target.name
    card = plan.targets.get(name + CARD_SUFFIX)
    if card is None or card.section != CARDS:
        return target
    for stage in plan.closure(card.stages()).values():
        # What a build of the export alone has not looked at again.
        if freshness.states[stage.name].status not in HERE:
            freshness.states[stage.name] = freshness.assess(stage)
    export = plan.targets[name]
    states = [freshness.states[stage] for stage in card.stages()]
    if not all(s.status in HERE and freshness.store.proven(_made(s)) for s in states):
        return export
    return export._replace(links={**export.links, **card.links})


def show(view: Path, target: Target, *, out: Path) -> Path:
    """Make `<out>/<target>` point to a target's view; return it.

    So it changes from the old result to the new one in one step.
    """
    return _point(out / target.name.replace(":", "-"), view)


def make_view(target: Target, states: Mapping[str, State], store: Store, *, root: Path) -> Path:
    """Make a folder of links to a target's outputs in the store, named by what it shows."""
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
    return view


def _links(made: Mapping[str, Path], view: Path) -> Iterator[tuple[str, str]]:
    """What each link in the view says; "." spreads a folder's files there."""
    named = {path: place for path, place in made.items() if path != "."}
    for path, place in named.items():
        yield path, os.path.relpath(place, (view / path).parent)
    # A folder that is spread hides nothing that has its own place.
    taken = {RECORD_FILE, *(path.split("/")[0] for path in named)}
    for entry in sorted(made["."].iterdir()) if "." in made else ():
        if entry.name not in taken:
            yield entry.name, os.path.relpath(entry, view)


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
            # In the order that the store writes them in: the same result has the same view.
            "facts": json.loads(json.dumps(_made(states[edge.stage]).facts, sort_keys=True)),
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
