"""`matrix:` as it is written: the axes of one item, their values, and what is wrong with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from urllib.parse import quote

from ftc.diagnostics import Diagnostic, Place
from ftc.project.reading.nodes import Node, merged, with_children, with_value
from ftc.project.wanted import found, shown
from ftc.project.written import Written
from ftc_runtime.contract import Json

MATRIX = "matrix"
MOST_VARIANTS = 256
LONGEST_WORD = 40

Words = tuple[tuple[str, str], ...]
"""Settings and their values as a variant's name has them: `(("lora.r", "8"),)`."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One setting, or one group of settings, and the values that it is to have."""

    path: str
    key: Place
    values: tuple[Node, ...]

    def put(self, item: Node, value: Node) -> Node:
        """Return the item with one of the values; a mapping joins the settings that are there."""
        steps = self.path.split(".")
        joined = merged(item.at(tuple(steps)), value)
        return with_value(item, steps, joined, [self.key] * len(steps))


def axes(written: Written) -> tuple[list[Axis], list[Diagnostic]]:
    """Return an item's axes by the alphabet of their paths, and the faults of its matrix."""
    matrix = written.node.children.get(MATRIX)
    if matrix is None:
        return [], []
    if not isinstance(matrix.value, dict) or not matrix.children:
        message = f"`{MATRIX}` needs a mapping of settings to lists, but {found(matrix.value)}"
        if matrix.value == {}:
            message = f"`{MATRIX}` has no setting"
        help = "write `matrix: {lora.r: [8, 16]}`, or delete it"
        return [], [Diagnostic("wrong-type", message, matrix.place, help)]
    read = [
        Axis(path, matrix.keys[path], _values(matrix.children[path]))
        for path in sorted(matrix.keys)
    ]
    faults = [fault for axis in read for fault in _axis_faults(axis, matrix.children[axis.path])]
    faults += _nested(read)
    count = prod(len(axis.values) for axis in read)
    if count > MOST_VARIANTS:
        message = f"`{written.name}` comes to {count:,} variants, more than the {MOST_VARIANTS}"
        place = written.node.keys[MATRIX]
        help = "shorten its lists, or make two items of it"
        faults.append(Diagnostic("too-large", f"{message} of one item", place, help))
    return read, faults


def _values(node: Node) -> tuple[Node, ...]:
    return tuple(node.children.values()) if isinstance(node.value, list) else ()


def without_matrix(node: Node) -> Node:
    """Return an item's settings without its matrix."""
    if MATRIX not in node.children:
        return node
    children = {name: child for name, child in node.children.items() if name != MATRIX}
    keys = {name: place for name, place in node.keys.items() if name != MATRIX}
    return with_children(node, children, keys)


def _axis_faults(axis: Axis, node: Node) -> Iterator[Diagnostic]:
    if not isinstance(node.value, list):
        message = f"`{axis.path}` in `{MATRIX}` needs a list of values, but {found(node.value)}"
        help = f"write [{shown(node.value)}]" if isinstance(node.value, int | float | str) else None
        if isinstance(node.value, dict) and node.value:
            below = next(iter(node.value))
            help = f"an axis is a whole path: write `{axis.path}.{below}: [...]`"
        yield Diagnostic("wrong-type", message, node.place, help)
    elif not node.value:
        message = f"`{axis.path}` in `{MATRIX}` is an empty list"
        yield Diagnostic("out-of-range", message, node.place, "give it values, or delete it")
    seen: dict[Words, Node] = {}
    for value in axis.values:
        words = words_of(axis.path, value.value)
        if words in seen:
            message = f"{shown(value.value)} is in `{axis.path}` twice"
            if isinstance(value.value, dict | list):
                message = f"`{axis.path}` has an equal value before this one"
            yield Diagnostic("duplicate-value", message, value.place, "delete one of them")
        seen[words] = value


def _nested(read: list[Axis]) -> Iterator[Diagnostic]:
    for axis in read:
        for above in read:
            if axis.path.startswith(f"{above.path}."):
                message = f"`{axis.path}` is below `{above.path}`, which is an axis too"
                help = f"write it into the values of `{above.path}`: they may be mappings"
                yield Diagnostic("contradiction", message, axis.key, help)


def words_of(path: str, value: Json) -> Words:
    """Return a value as a name has it. A mapping is as many settings as it has leaves."""
    if isinstance(value, dict) and value:
        parts = (words_of(f"{path}.{key}", part) for key, part in value.items())
        return tuple(sorted(word for part in parts for word in part))
    return ((path, _word(value)),)


def _word(value: Json) -> str:
    """Return a value as one word, without what divides a name: `@ = , + : / .` in a text too."""
    if isinstance(value, list) and value and not any(isinstance(v, list | dict) for v in value):
        return shortened("+".join(_word(member) for member in value))
    if isinstance(value, str):
        return shortened(quote(value, safe=""))
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return shortened(quote(json.dumps(value, sort_keys=True), safe="+"))


def shortened(text: str, longest: int = LONGEST_WORD) -> str:
    """Return a text that is short enough and still its own."""
    if len(text) <= longest:
        return text
    return f"{text[: longest - 9]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
