"""References between items: what they name exists, is of the right kind, and makes no circle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from ftc.diagnostics import Diagnostic, Place
from ftc.project.later import later_reference
from ftc.project.meanings import Items, Meaning, meaning_of, parts_of
from ftc.project.reading.nodes import KeyPath
from ftc.project.schema import Item, Reference
from ftc.project.sections import SECTIONS
from ftc.project.wanted import Wanted, leaves, wanted_at
from ftc.project.written import Written, bare, dotted
from ftc_runtime.contract import Artifact

Key = tuple[str, str]
"""Section and name of an item."""


@dataclass(frozen=True, slots=True)
class Link:
    """One reference as it is written."""

    by: Written
    path: KeyPath
    reference: str
    mark: Reference
    is_key: bool = False
    """It is a key of a mapping, and what stands there says more of it."""

    @property
    def place(self) -> Place:
        """Where it is written."""
        return self.by.at_key(self.path) if self.is_key else self.by.at_value(self.path)


def reference_faults(written: Sequence[Written], items: Items) -> list[Diagnostic]:
    """Return the faults of all references. *items* are those that are right in themselves."""
    broken = [item for item in written if item.item is None or item.is_torn]
    faults: list[Diagnostic] = []
    edges: dict[Key, list[tuple[Key, Place]]] = {}
    for item in written:
        seen: dict[tuple[str | int, Meaning], str] = {}
        for link in links(item):
            meaning = _meaning(link, items, broken)
            if isinstance(meaning, Diagnostic):
                faults.append(meaning)
                continue
            if meaning is None:
                continue
            key = (item.section.name, item.name)
            edges.setdefault(key, []).append(((meaning.section, meaning.name), link.place))
            faults += _list_faults(link, meaning, seen)
    return [*faults, *_cycles(edges)]


@cache
def reference_fields(item_class: type[Item]) -> list[tuple[KeyPath, Reference]]:
    """Return the fields of a class that hold references, one or several, and what they take."""
    fields: list[tuple[KeyPath, Reference]] = []
    for path in leaves(item_class):
        wanted = wanted_at(item_class, path)
        several = (wanted.members(), wanted.keys()) if wanted else ()
        choices = [choice for one in (wanted, *several) for choice in _choices(one)]
        marks = (mark for choice in choices for mark in choice.metadata)
        fields += dict.fromkeys((path, mark) for mark in marks if isinstance(mark, Reference))
    return fields


def _choices(wanted: Wanted | None) -> Iterator[Wanted]:
    if wanted is not None:
        yield from wanted.choices()


def links(written: Written) -> Iterator[Link]:
    """Yield the references of an item, also of one with other faults."""
    if written.item_class is None:
        return
    for path, mark in reference_fields(written.item_class):
        node = written.node.at(path)
        if node is None:
            continue
        if isinstance(node.value, str):
            yield Link(written, path, node.value, mark)
        elif isinstance(node.value, list):
            for position, member in enumerate(node.value):
                if isinstance(member, str):
                    yield Link(written, (*path, position), member, mark)
        elif isinstance(node.value, dict):
            for name in node.value:
                yield Link(written, (*path, name), name, mark, is_key=True)


def _meaning(link: Link, items: Items, broken: Sequence[Written]) -> Meaning | Diagnostic | None:
    """Return what a link means, its fault, or None if an item with faults may be meant."""
    others = (item.name for item in broken if could_make(item.section.name) & set(link.mark.wants))
    field = dotted(link.path)
    meaning = meaning_of(items, link.reference, link.mark.wants, asked_by=field, others=others)
    if isinstance(meaning, Meaning):
        return meaning
    parts = parts_of(items, link.reference)
    name = parts.name if parts else link.reference
    named = [section for section in items if bare(name) in map(bare, items[section])]
    named += [item.section.name for item in broken if item.said == bare(name)]
    later = later_reference(link.by.section.name, link.path, named)
    if later and meaning.code in ("wrong-artifact", "unknown-name"):
        return Diagnostic("not-yet", later, link.place)
    if any(item.said == bare(name) for item in broken):
        return None
    return Diagnostic(meaning.code, meaning.message, link.place, meaning.help)


@cache
def could_make(section: str) -> frozenset[Artifact]:
    """Return what the items of a section can make, in any form: of `remotes` nothing."""
    classes = SECTIONS[section].item_classes() if section in SECTIONS else ()
    return frozenset(made for item_class in classes for made in item_class.makes.values())


def _list_faults(
    link: Link, meaning: Meaning, seen: dict[tuple[str | int, Meaning], str]
) -> Iterator[Diagnostic]:
    """Yield the faults of one of several: named before, or held out from training."""
    field, *position = link.path
    if not position:
        return
    first = seen.get((field, meaning))
    seen.setdefault((field, meaning), link.reference)
    if first is not None:
        message = f"`{link.reference}` is in `{field}` twice"
        if first != link.reference:
            message = f"`{link.reference}` and `{first}` in `{field}` are the same"
        yield Diagnostic("duplicate-name", message, link.place, "delete one of them")
    if link.by.section.name == "finetunes" and meaning.output == "holdout":
        message = f"`{link.reference}` is held out from training"
        help = f"train on `{meaning.name}`, and measure on `{link.reference}`"
        yield Diagnostic("trains-on-holdout", message, link.place, help)


def _cycles(edges: dict[Key, list[tuple[Key, Place]]]) -> Iterator[Diagnostic]:
    """Yield one fault for each circle, at the reference that closes it."""
    done: set[Key] = set()
    for start in edges:
        trail: list[Key] = [start]
        waiting = [iter(edges[start])]
        while waiting and start not in done:
            step = next(waiting[-1], None)
            if step is None:
                waiting.pop()
                done.add(trail.pop())
                continue
            target, place = step
            if target in trail:
                names = [name for _, name in (*trail[trail.index(target) :], target)]
                message = f"`{target[1]}` would need itself: {' -> '.join(names)}"
                yield Diagnostic("cycle", message, place, "start one of them from another item")
            elif target not in done and target in edges:
                trail.append(target)
                waiting.append(iter(edges[target]))
