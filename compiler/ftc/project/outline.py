"""The outer shape of project.yaml: version, name, sections of named items, defaults."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from ftc.diagnostics import Diagnostic, Place, suggestion
from ftc.project.foreign import foreign_word
from ftc.project.later import later_key
from ftc.project.matrix import MATRIX, without_matrix
from ftc.project.reading.nodes import Node, merged, with_children
from ftc.project.sections import GC, INGREDIENTS, OPERATIONAL, SECTIONS, Section
from ftc.project.variants import expanded
from ftc.project.wanted import found
from ftc.project.written import Written

VERSION = 1
NAME = re.compile(r"[a-z0-9][a-z0-9-]*", re.ASCII)
NAME_RULE = "a name has small letters, digits and hyphens, and starts with a letter or digit"
TOP_KEYS = ("version", "name", *SECTIONS, *INGREDIENTS, "defaults", *OPERATIONAL, GC.name)
MOST_DEFAULTED = 200_000


@dataclass(slots=True)
class Outline:
    """What is in the file, item by item, and what is wrong with its outer shape."""

    name: str = ""
    written: list[Written] = field(default_factory=list)
    """Every item; one with a matrix is each of its variants."""
    unused: list[Written] = field(default_factory=list)
    """The defaults of sections without items, as if they were items."""
    faults: list[Diagnostic] = field(default_factory=list)
    gc: Written | None = None
    tree: Node = field(default_factory=lambda: Node({}, Place(Path(), 1, 1)))
    """The file with the defaults merged under each item, and variants as items of their own."""


def outline(path: Path, root: Node | None) -> Outline:
    """Return the items of a file, defaults merged, and the faults of everything around them."""
    out = Outline()
    if root is None or root.value is None:
        message = f"{path.name} is empty"
        out.faults.append(Diagnostic("empty", message, help="`ftc init` writes a first one"))
        return out
    if not isinstance(root.value, dict):
        message = f"{path.name} holds keys and values, but {found(root.value)}"
        out.faults.append(Diagnostic("wrong-type", message, root.place))
        return out
    out.faults += _unknown_keys(root)
    out.faults += _version_faults(root)
    out.name = _name(root, out.faults)
    defaults = _defaults(root, out.faults)
    for section in (*SECTIONS.values(), *INGREDIENTS.values(), *OPERATIONAL.values()):
        _section(section, root, defaults.get(section.name), out)
    expansion = expanded(out.written)
    out.written = expansion.written
    out.faults += expansion.faults
    used = {item.section.name for item in out.written}
    out.unused = [
        Written(SECTIONS[name], f"defaults.{name}", node.place, node)
        for name, node in defaults.items()
        if name not in used
    ]
    out.gc = _gc(root, out.faults)
    out.tree = with_items(root, out.written)
    return out


def _unknown_keys(root: Node) -> list[Diagnostic]:
    faults = []
    for key, place in root.keys.items():
        if key in TOP_KEYS:
            continue
        later = later_key(None, (key,))
        if later:
            faults.append(Diagnostic("not-yet", later, place))
            continue
        foreign = foreign_word(key, None)
        if foreign:
            faults.append(Diagnostic(foreign.code, foreign.message, place, foreign.help))
            continue
        way_out = suggestion(key, TOP_KEYS) or f"the sections are {', '.join(SECTIONS)}"
        if key == MATRIX:
            way_out = "it belongs to an item: `finetunes: {NAME: {matrix: {lora.r: [8, 16]}}}`"
        faults.append(Diagnostic("unknown-key", f"a project has no key `{key}`", place, way_out))
    return faults


def _version_faults(root: Node) -> list[Diagnostic]:
    version = root.children.get("version")
    help = f"write `version: {VERSION}`"
    if version is None:
        message = "the project needs `version`"
        return [Diagnostic("missing-key", message, root.place, help)]
    value = version.value
    if isinstance(value, bool) or not isinstance(value, int):
        message = f"`version` needs a whole number, but {found(value)}"
        return [Diagnostic("wrong-type", message, version.place, help)]
    if value != VERSION:
        message = f"this ftc reads version {VERSION} of project.yaml, but this is version {value}"
        return [Diagnostic("wrong-version", message, version.place, help)]
    return []


def _name(root: Node, faults: list[Diagnostic]) -> str:
    node = root.children.get("name")
    if node is None:
        message = "the project needs `name`"
        faults.append(Diagnostic("missing-key", message, root.place, "write `name: my-project`"))
    elif not isinstance(node.value, str):
        message = f"`name` needs text, but {found(node.value)}"
        faults.append(Diagnostic("wrong-type", message, node.place))
    elif fault := _name_fault(node.value, node.place):
        faults.append(fault)
    else:
        return node.value
    return ""


def _name_fault(name: str, place: Place) -> Diagnostic | None:
    if NAME.fullmatch(name):
        return None
    better = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:100]
    message = f'"{name[:40]}" cannot be a name: {NAME_RULE}'
    help = f"write `{better}`" if better else None
    return Diagnostic("bad-name", message, place, help)


def _defaults(root: Node, faults: list[Diagnostic]) -> dict[str, Node]:
    """Return the default of each section that has one."""
    node = root.children.get("defaults")
    if node is None or node.value is None:
        return {}
    if not isinstance(node.value, dict):
        message = f"`defaults` needs a mapping of sections, but {found(node.value)}"
        faults.append(Diagnostic("wrong-type", message, node.place))
        return {}
    defaults = {}
    for name, default in node.children.items():
        if name not in SECTIONS:
            place = node.keys[str(name)]
            message = f"`defaults` has no section `{name}`"
            help = suggestion(str(name), SECTIONS) or f"the sections are {', '.join(SECTIONS)}"
            faults.append(Diagnostic("unknown-key", message, place, help))
        elif isinstance(default.value, dict):
            if MATRIX in default.children:
                message = f"`defaults` cannot hold `{MATRIX}`: it would multiply each of the {name}"
                help = "write it on an item; an anchor (`&axes`, `*axes`) shares it among several"
                place = default.keys[MATRIX]
                faults.append(Diagnostic("misplaced-key", message, place, help))
            defaults[str(name)] = without_matrix(default)
        elif default.value is not None:
            message = f"`defaults.{name}` needs a mapping, but {found(default.value)}"
            faults.append(Diagnostic("wrong-type", message, default.place))
    return defaults


def _gc(root: Node, faults: list[Diagnostic]) -> Written | None:
    node = root.children.get(GC.name)
    if node is None or node.value is None:
        return None
    if not isinstance(node.value, dict):
        message = f"`gc` needs a mapping of settings, but {found(node.value)}"
        faults.append(Diagnostic("wrong-type", message, node.place))
        return None
    return Written(GC, GC.name, root.keys[GC.name], node)


def _section(section: Section, root: Node, default: Node | None, out: Outline) -> None:
    """Put the items of a section into *out*, the section's defaults merged under each."""
    name, written = section.name, root.children.get(section.name)
    if written is None or written.value is None:
        return
    if not isinstance(written.value, dict):
        message = f"`{name}` holds named items, but {found(written.value)}"
        help = f"write `{name}: {{NAME: {{...}}}}`"
        out.faults.append(Diagnostic("wrong-type", message, written.place, help))
        return
    if default is not None and default.size * len(written.children) > MOST_DEFAULTED:
        message = f"the defaults of {name} come to more than {MOST_DEFAULTED:,} values"
        out.faults.append(Diagnostic("too-large", message, default.place))
        return
    for item_name, node in written.children.items():
        key = written.keys[str(item_name)]
        if fault := _name_fault(str(item_name), key):
            out.faults.append(fault)
        if node.value is None:
            node = Node({}, node.place)
        if not isinstance(node.value, dict):
            message = f"`{item_name}` needs a mapping of settings, but {found(node.value)}"
            out.faults.append(Diagnostic("wrong-type", message, node.place))
        if MATRIX in node.children and section.name not in SECTIONS:
            message = f"a {section.noun} has no matrix: it is no result of its own"
            help = "write it on an item that uses it"
            out.faults.append(Diagnostic("misplaced-key", message, node.keys[MATRIX], help))
            node = without_matrix(node)
        out.written.append(Written(section, str(item_name), key, merged(default, node)))


def with_items(root: Node, written: list[Written]) -> Node:
    """Return the file with these items in its sections."""
    sections: dict[str | int, Node] = {}
    for name, section in root.children.items():
        items = [item for item in written if item.section.name == name]
        if items:
            nodes: dict[str | int, Node] = {item.name: item.node for item in items}
            sections[name] = with_children(section, nodes, {item.name: item.key for item in items})
    return with_children(root, root.children | sections, root.keys)
