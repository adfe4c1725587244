"""A value of project.yaml together with its place, and that of its key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ftc.diagnostics import Place
from ftc_runtime.contract import Json

KeyPath = tuple[str | int, ...]
"""Keys and list positions: `("finetunes", "assistant", "datasets", 0)`."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value and its place; for a mapping or a list also what is in it."""

    value: Json
    place: Place
    children: dict[str | int, Node] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    size: int = 1
    """Values in it, aliases counted in full."""
    height: int = 0

    def at(self, path: KeyPath) -> Node | None:
        """Return the node at *path* below this one, or None."""
        node: Node | None = self
        for step in path:
            node = node.children.get(step) if node else None
        return node

    def key_place(self, path: KeyPath) -> Place:
        """Return the place of the last key of *path*, or of its nearest ancestor that exists."""
        node, place = self, self.place
        for step in path:
            child = node.children.get(step)
            if child is None:
                break
            place = node.keys[step] if isinstance(step, str) else child.place
            node = child
        return place

    def value_place(self, path: KeyPath) -> Place:
        """Return the place of the value at *path*; that of its ancestor's key if it is absent."""
        node = self.at(path)
        return node.place if node else self.key_place(path)


def merged(default: Node | None, own: Node) -> Node:
    """Return *own* with *default* under it, mapping by mapping; every value keeps its place."""
    if default is None or not isinstance(own.value, dict) or not isinstance(default.value, dict):
        return own
    children = {
        name: merged(default.children.get(name), node) for name, node in own.children.items()
    }
    children |= {name: node for name, node in default.children.items() if name not in children}
    return with_children(own, children, default.keys | own.keys)


def with_children(node: Node, children: dict[str | int, Node], keys: dict[str, Place]) -> Node:
    """Return a mapping with other members, at the place of *node*."""
    value: Json = {str(name): child.value for name, child in children.items()}
    return Node(value, node.place, children, keys)


def with_value(node: Node, path: Sequence[str], value: Node, keys: Sequence[Place]) -> Node:
    """Return a mapping with *value* at *path*; *keys* say where the steps of the path are written.

    A mapping on the way keeps the place of its own key; what is no mapping gives way to one.
    """
    if not path:
        return value
    name, *below = path
    inner = node.children.get(name)
    if below and (inner is None or not isinstance(inner.value, dict)):
        inner = Node({}, keys[0])
        places = node.keys | {name: keys[0]}
    else:
        places = node.keys if below else node.keys | {name: keys[0]}
    changed = with_value(inner or value, below, value, keys[1:])
    return with_children(node, node.children | {name: changed}, places)


def with_members(node: Node, members: Sequence[Node]) -> Node:
    """Return a list with other members, at the place of *node*."""
    children: dict[str | int, Node] = dict(enumerate(members))
    return Node([member.value for member in members], node.place, children)
