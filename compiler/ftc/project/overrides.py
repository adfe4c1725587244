"""`-s PATH=YAML`: settings of the command line, laid over the file before it is checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftc.diagnostics import Diagnostic, Place, ProjectError, listed, suggestion
from ftc.project.matrix import MATRIX
from ftc.project.reading.nodes import Node, with_value
from ftc.project.reading.source import parse
from ftc.project.sections import INGREDIENTS, SECTIONS

COMMAND_LINE = Path("command line")
"""Stands for the `-s` arguments in a place, one a line."""
OPTION = "-s "
SET = SECTIONS | INGREDIENTS
"""The sections whose items have settings that results depend on."""
NOUNS = {section.noun: section.name for section in SET.values()}
SWEEP = re.compile(r"[^\s,\"'\[\]{}]+(,[^\s,\"'\[\]{}]+)+")
"""Values one behind the other, as a sweep is written for Hydra: `8,16`."""


@dataclass(frozen=True, slots=True)
class _Override:
    """One argument: which item it is of, the steps below that, and the value."""

    written: str
    item: str
    """As it is written: `assistant` or `finetune:assistant`."""
    places: tuple[Place, ...]
    """Of the item's name and of each step."""
    steps: tuple[str, ...]
    text: str
    value: Node

    def fault(self, code: str, message: str, step: int = 0, help: str | None = None) -> Diagnostic:
        """Return a fault of the item's name, or of a step."""
        return Diagnostic(code, message, self.places[step], help)


def shown_arguments(settings: Sequence[str]) -> str:
    """Return the arguments as the text that places in `COMMAND_LINE` are of."""
    return "\n".join(f"{OPTION}{' '.join(setting.splitlines())}" for setting in settings)


def argument_at(place: Place, settings: Sequence[str]) -> str:
    """Return the argument that a place in `COMMAND_LINE` is in."""
    return f"{OPTION}{settings[place.line - 1]}"


def overridden(
    root: Node | None, settings: Sequence[str], environment: Mapping[str, str]
) -> tuple[Node | None, list[Diagnostic]]:
    """Return the file with the settings laid over it, and the faults of those that cannot be."""
    faults: list[Diagnostic] = []
    laid: dict[tuple[str, ...], _Override] = {}
    for number, setting in enumerate(settings, 1):
        override = _parsed(" ".join(setting.splitlines()), number, environment, faults)
        if override is None or root is None or not isinstance(root.value, dict):
            continue
        section = _section(root, override)
        if isinstance(section, Diagnostic):
            faults.append(section)
            continue
        path = (section, override.item.rpartition(":")[2], *override.steps)
        if path in laid:
            message = f"`{'.'.join((override.item, *override.steps))}` is set twice"
            faults.append(override.fault("duplicate-key", message, help="delete one of them"))
            continue
        laid[path] = override
        root = with_value(root, path, override.value, [override.places[0], *override.places])
    return root, [*faults, *_without_effect(root, laid)]


def _parsed(
    setting: str, number: int, environment: Mapping[str, str], faults: list[Diagnostic]
) -> _Override | None:
    head, equals, text = setting.partition("=")
    whole = Place(COMMAND_LINE, number, len(OPTION) + 1, max(1, len(setting)))
    item, *steps = head.split(".")
    if steps[:1] == [MATRIX] and len(steps) > 1:
        steps = [MATRIX, ".".join(steps[1:])]  # an axis is one key, whatever dots are in it
    if "@" in head:
        message = f"`{head}` would set one variant, but its settings come from the matrix"
        help = f"set `{head.partition('@')[0]}.SETTING`, or the matrix itself"
        faults.append(Diagnostic("wrong-path", message, whole, help))
    elif not equals or not steps or not all((item, *steps)):
        message = f"`{setting}` does not say which setting of which item has which value"
        help = f"write `-s {item or 'assistant'}.lora.r=8`"
        faults.append(Diagnostic("syntax", message, whole, help))
    elif SWEEP.fullmatch(text):
        place = _places([head, text], number)[1]
        message = f"{text} would be one text: a build has one value for each setting"
        several = f"'{item}.{MATRIX}={{{'.'.join(steps)}: [{text.replace(',', ', ')}]}}'"
        help = f"for variants write -s {several}; for a list [{text}]; for a text '\"{text}\"'"
        faults.append(Diagnostic("sweep", message, place, help))
    else:
        return _with_value(setting, number, environment, faults=faults, steps=steps)
    return None


def _with_value(
    setting: str,
    number: int,
    environment: Mapping[str, str],
    *,
    faults: list[Diagnostic],
    steps: Sequence[str],
) -> _Override | None:
    """Parse the value where it stands, so that its places are those in the argument."""
    head, _, text = setting.partition("=")
    item = head.partition(".")[0]
    *places, at = _places([item, *steps, text], number)
    before = "\n" * (at.line - 1) + " " * (at.column - 1)
    try:
        value = parse(COMMAND_LINE, before + text, environment)
    except ProjectError as error:
        faults += error.diagnostics
        return None
    node = value or Node(None, Place(COMMAND_LINE, number, at.column))
    return _Override(setting, item, tuple(places), tuple(steps), text, node)


def _places(parts: Sequence[str], number: int) -> list[Place]:
    """Return where the parts of an argument stand; each is one sign behind the one before."""
    places = []
    column = len(OPTION) + 1
    for part in parts:
        places.append(Place(COMMAND_LINE, number, column, max(1, len(part))))
        column += len(part) + 1
    return places


def _section(root: Node, override: _Override) -> str | Diagnostic:
    """Return the section whose item is meant, or why there is none."""
    noun, _, name = override.item.rpartition(":")
    held = {
        section: node.children
        for section in SET
        if (node := root.children.get(section)) and isinstance(node.value, dict)
    }
    asked = [NOUNS[noun]] if noun in NOUNS else [] if noun else list(held)
    sections = [section for section in asked if name in held.get(section, {})]
    if len(sections) == 1:
        return sections[0]
    if sections:
        words = [f"`{SET[section].noun}:{name}`" for section in sections]
        message = f"`{name}` is the name of more than one thing"
        return override.fault("ambiguous-name", message, help=f"write {listed(words)}")
    names = [str(known) for items in held.values() for known in items]
    message = f"nothing in this project is named `{override.item}`"
    help = suggestion(name, names)
    if name in (*SET, "defaults"):
        help = f"a path starts at an item: write `{override.written.partition('.')[2]}`"
    return override.fault("unknown-name", message, help=help)


def _without_effect(
    root: Node | None, laid: Mapping[tuple[str, ...], _Override]
) -> Iterator[Diagnostic]:
    """Yield a fault for each setting that an axis of the item's matrix would hide again."""
    for path, override in laid.items():
        matrix = root.at((*path[:2], MATRIX)) if root else None
        setting = ".".join(override.steps)
        for axis in map(str, matrix.children if matrix else ()):
            if setting == axis or setting.startswith(f"{axis}."):
                message = f"`{axis}` is an axis of the matrix of `{path[1]}`, so this sets nothing"
                help = f"write -s '{override.item}.{MATRIX}.{axis}=[{override.text}]'"
                yield override.fault("contradiction", message, 1, help=help)
