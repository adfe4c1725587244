"""Items with a `matrix` -> one item for each combination, and what refers to them along with them.

A variant knows what was chosen on each axis, its own or that of an item that it refers to. So an
export and an eval that lead to the same axis never mix two values of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import NamedTuple, TypeAlias

from ftc.diagnostics import Diagnostic
from ftc.project.matrix import (
    MATRIX,
    MOST_VARIANTS,
    Axis,
    Words,
    axes,
    shortened,
    without_matrix,
    words_of,
)
from ftc.project.meanings import FORM, NOUNS
from ftc.project.reading.nodes import (
    KeyPath,
    Node,
    with_children,
    with_members,
    with_value,
)
from ftc.project.references import Key, Link, could_make, links
from ftc.project.written import Written

LONGEST_NAME = 150


class Origin(NamedTuple):
    """The axis of an item."""

    section: str
    item: str
    path: str


Choices: TypeAlias = Mapping[Origin, Words]
"""What is chosen on each axis that an item leads to."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One item that came of another."""

    written: Written
    choices: Choices


@dataclass(slots=True)
class Expansion:
    """All items, those with a matrix replaced by their variants; and the faults of matrices."""

    written: list[Written] = field(default_factory=list)
    faults: list[Diagnostic] = field(default_factory=list)


def expanded(written: Sequence[Written]) -> Expansion:
    """Return the items that *written* stands for, in the same order."""
    if not any(MATRIX in item.node.children for item in written):
        return Expansion(list(written))
    expander = _Expander(written)
    variants = [one.written for item in written for one in expander.variants(_key(item))]
    return Expansion(variants, expander.faults)


def _key(item: Written) -> Key:
    return (item.section.name, item.name)


class _Expander:
    def __init__(self, written: Sequence[Written]) -> None:
        self.faults: list[Diagnostic] = []
        self._items = {_key(item): item for item in written}
        self._variants: dict[Key, list[Variant]] = {}
        self._open: set[Key] = set()

    def variants(self, key: Key) -> list[Variant]:
        """Return what an item comes to: itself, if it leads to no matrix."""
        if key in self._open:  # a circle, of which references.py tells
            return []
        if key not in self._variants:
            self._open.add(key)
            self._variants[key] = self._expand(self._items[key])
            self._open.remove(key)
        return self._variants[key]

    def _expand(self, item: Written) -> list[Variant]:
        read, faults = axes(item)
        self.faults += faults
        plain = replace(item, node=without_matrix(item.node))
        if faults:
            return self._torn(plain, read)
        found: list[Variant] = []
        for one in _combinations(plain, read):
            for other in self._along(one):
                found.append(self._with_all(other))
                if len(found) > MOST_VARIANTS:
                    message = f"`{item.name}` comes to more than {MOST_VARIANTS} variants, "
                    message += "with those of the items that it refers to"
                    self.faults.append(Diagnostic("too-large", message, item.key))
                    return self._torn(plain, read)
        return [replace(one, written=_named(one)) for one in found]

    def _torn(self, item: Written, read: Sequence[Axis]) -> list[Variant]:
        """Return an item whose matrix has faults, once for each value: so that all are checked."""
        item = replace(item, is_torn=True)
        rows = []
        for at in range(max((len(axis.values) for axis in read), default=1) or 1):
            node = item.node
            for axis in read:
                if axis.values:
                    node = axis.put(node, axis.values[min(at, len(axis.values) - 1)])
            one = next(self._along(Variant(replace(item, node=node), {})))
            rows.append(replace(self._with_all(one), choices={}))
        return rows

    def _along(self, one: Variant) -> Iterator[Variant]:
        """Yield the item once for each choice of what it refers to by a bare name."""
        for link in links(_classed(one.written)):
            if link.mark.variants == "all":
                continue
            fitting = [v for v in self._meant(link) if _agree(v.choices, one.choices)]
            if link.mark.variants == "one" and len(fitting) != 1:
                continue
            if fitting:
                for other in fitting:
                    node = _renamed(one.written.node, link, other.written.name)
                    choices = {**one.choices, **other.choices}
                    yield from self._along(Variant(replace(one.written, node=node), choices))
                return
        yield one

    def _with_all(self, one: Variant) -> Variant:
        """Return the item with every variant in the place of a bare name in its lists."""
        node = one.written.node
        by_list: dict[KeyPath, dict[int, list[str]]] = defaultdict(dict)
        for link in links(_classed(one.written)):
            *above, last = link.path
            if link.mark.variants == "all" and isinstance(last, int):
                fitting = [v for v in self._meant(link) if _agree(v.choices, one.choices)]
                if fitting:
                    names = [_text(link, other.written.name) for other in fitting]
                    by_list[tuple(above)][last] = names
        for path, names_at in by_list.items():
            node = _with_names(node, path, names_at)
        return replace(one, written=replace(one.written, node=node))

    def _meant(self, link: Link) -> list[Variant]:
        """Return the variants of the one item that a reference can mean, if it has any."""
        match = FORM.fullmatch(link.reference)
        if match is None:
            return []
        noun = match["noun"]
        sections = [NOUNS[noun]] if noun in NOUNS else [] if noun else list(NOUNS.values())
        keys = [
            (section, match["name"])
            for section in sections
            if (section, match["name"]) in self._items
            and could_make(section) & set(link.mark.wants)
        ]
        found = self.variants(keys[0]) if len(keys) == 1 else []
        return found if any(one.choices for one in found) else []


def _combinations(item: Written, read: Sequence[Axis]) -> Iterator[Variant]:
    """Yield one item for each combination of the values of its own axes."""
    for values in product(*(axis.values for axis in read)):
        node = item.node
        choices: dict[Origin, Words] = {}
        for axis, value in zip(read, values, strict=True):
            node = axis.put(node, value)
            origin = Origin(item.section.name, item.name, axis.path)
            choices[origin] = words_of(axis.path, value.value)
        yield Variant(replace(item, node=node), choices)


def _agree(one: Choices, other: Choices) -> bool:
    return all(one[origin] == other[origin] for origin in one.keys() & other.keys())


def _classed(item: Written) -> Written:
    """Return the item with its class, without which nobody knows what refers to others."""
    section = item.section
    if section.discriminator is None:
        return replace(item, item_class=section.item_class())
    is_known = item.form in section.forms()
    return replace(item, item_class=section.item_class(item.form)) if is_known else item


def _text(link: Link, name: str) -> str:
    """Return a reference with another name in it: `sft.adapter` -> `sft@lora.r=8.adapter`."""
    match = FORM.fullmatch(link.reference)
    assert match is not None
    return link.reference[: match.start("name")] + name + link.reference[match.end("name") :]


def _renamed(node: Node, link: Link, name: str) -> Node:
    """Return an item's settings with another name at a reference."""
    *above, last = link.path
    if isinstance(last, int):
        return _with_names(node, tuple(above), {last: [_text(link, name)]})
    if link.is_key:
        return _with_key(node, tuple(above), {str(last): _text(link, name)})
    steps = [str(step) for step in link.path]
    return with_value(node, steps, Node(_text(link, name), link.place), [link.place] * len(steps))


def _with_key(node: Node, path: KeyPath, other: Mapping[str, str]) -> Node:
    """Return an item's settings with another name for a key of the mapping at *path*."""
    before = node.at(path) or node
    children = {other.get(str(key), key): child for key, child in before.children.items()}
    keys = {other.get(key, key): place for key, place in before.keys.items()}
    value = with_children(before, children, keys)
    steps = [str(step) for step in path]
    return with_value(node, steps, value, [value.place] * len(steps))


def _with_names(node: Node, path: KeyPath, names: Mapping[int, Sequence[str]]) -> Node:
    """Return an item's settings with other names in the list at *path*, by their positions."""
    before = node.at(path)
    members: list[Node] = []
    for at, child in before.children.items() if before else ():
        given = names.get(at) if isinstance(at, int) else None
        members += [Node(name, child.place) for name in given] if given else [child]
    steps = [str(step) for step in path]
    value = with_members(before or node, members)
    return with_value(node, steps, value, [value.place] * len(steps))


def _named(one: Variant) -> Written:
    """Return the item under its full name, the settings by the alphabet."""
    if not one.choices:
        return one.written
    paths = Counter(path for words in one.choices.values() for path, _ in words)
    settings = sorted(
        f"{path}={word}" if paths[path] == 1 else f"{origin.item}.{path}={word}"
        for origin, words in one.choices.items()
        for path, word in words
    )
    return replace(
        one.written, name=f"{one.written.name}@{shortened(','.join(settings), LONGEST_NAME)}"
    )
