"""What pydantic says of an item -> faults in our words, each with its place.

Pydantic reports a union as one error for each branch, under a path with the branch's label in it.
Here the errors of one value become one fault.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ftc.diagnostics import Diagnostic, close_words, listed, suggestion
from ftc.project.foreign import foreign_word
from ftc.project.later import later_key, later_value
from ftc.project.reading.nodes import KeyPath, Node
from ftc.project.schema import Item
from ftc.project.wanted import bounds, conversion, described, found, leaves, shown, wanted_at
from ftc.project.written import Written, dotted

NOT_TOGETHER = "not_together"
"""What a spec calls a value that another setting rules out. Its message is for people."""
RANGE = ("greater_than", "less_than", "too_short", "too_long", "finite_number")


@dataclass(frozen=True, slots=True)
class _Subject:
    """The item that the faults are about."""

    written: Written
    item_class: type[Item]

    @property
    def section(self) -> str:
        return self.written.section.name


def item_faults(
    written: Written, item_class: type[Item], error: ValidationError
) -> list[Diagnostic]:
    """Return the faults of an item that its class refused."""
    subject = _Subject(written, item_class)
    by_path: dict[KeyPath, list[ErrorDetails]] = defaultdict(list)
    for detail in error.errors(include_url=False):
        by_path[_path(written.node, detail)].append(detail)
    # The other branches of a union are silent where a fault inside of the value says it better.
    silent = {path[:length] for path in by_path for length in range(len(path))}
    missing = {path for path, details in by_path.items() if details[0]["type"] == "missing"}
    faults = []
    meant: set[KeyPath] = set()
    for path, details in by_path.items():
        if path in missing or path in silent:
            continue
        if details[0]["type"] == "extra_forbidden":
            fault, instead = _unknown_key(subject, path, missing)
            meant |= instead
        else:
            fault = _wrong_value(subject, path, details)
        faults.append(fault)
    return [*faults, *(_missing_key(subject, path) for path in sorted(missing - meant, key=str))]


def _path(node: Node, detail: ErrorDetails) -> KeyPath:
    """Return an error's path in the file: without the labels of a union's branches."""
    path: list[str | int] = []
    current: Node | None = node
    *above, last = detail["loc"] or ("",)
    for step in above:
        child = current.children.get(step) if current else None
        if child is not None:
            path.append(step)
            current = child
    if detail["type"] == "missing" or (current and last in current.children):
        path.append(last)
    return tuple(path)


def _unknown_key(
    subject: _Subject, path: KeyPath, missing: set[KeyPath]
) -> tuple[Diagnostic, set[KeyPath]]:
    """Return the fault of a key that is not there, and the missing keys that were meant by it."""
    *above, key = path
    place = subject.written.at_key(path)
    at_hand = {other for other in missing if other[:-1] == tuple(above)}
    later = later_key(subject.section, path)
    if later:
        return Diagnostic("not-yet", later, place), at_hand
    what = f"`{dotted(tuple(above))}`" if above else f"a {_form(subject)}".replace("a e", "an e")
    message = f"{what} has no key `{key}`"
    others = [] if above else _forms_with(subject, str(key))
    if others:
        owners = f"it is a key of {listed(others, last='and')}"
        return Diagnostic("unknown-key", message, place, owners), set()
    foreign = None if _is_elsewhere(subject, str(key)) else foreign_word(str(key), subject.section)
    if foreign:
        return Diagnostic(foreign.code, foreign.message, place, foreign.help), at_hand
    wanted = wanted_at(subject.item_class, tuple(above))
    owner = wanted.model() if wanted else None
    known = list(owner.model_fields) if owner else []
    words = close_words(str(key), known)
    help = suggestion(str(key), known) or _elsewhere(subject.item_class, str(key))
    instead = {other for other in at_hand if other[-1] in words}
    return Diagnostic("unknown-key", message, place, help), instead


def _is_elsewhere(subject: _Subject, key: str) -> bool:
    return any(path[-1] == key for path in leaves(subject.item_class))


def _forms_with(subject: _Subject, key: str) -> list[str]:
    """Return the other forms of the section that have a key."""
    section = subject.written.section
    return [
        f"{section.discriminator} {form}"
        for form in section.forms()
        if key in section.item_class(form).model_fields
    ]


def _form(subject: _Subject) -> str:
    section = subject.written.section
    if section.discriminator is None:
        return section.noun
    return f"{section.noun} of {section.discriminator} {subject.written.form}"


def _elsewhere(item_class: type[Item], key: str) -> str | None:
    """Return the help for a key that stands at the wrong depth."""
    paths = {str(path[-1]): dotted(path) for path in leaves(item_class)}
    close = [key] if key in paths else close_words(key, paths)
    words = [f"`{paths[word]}`" for word in close]
    return f"it is written as {listed(words)}" if words else None


def _missing_key(subject: _Subject, path: KeyPath) -> Diagnostic:
    *above, key = path
    owner = dotted(tuple(above)) or subject.written.said
    field = _field_description(subject.item_class, path)
    help = f"{key}: {field}" if field else None
    place = subject.written.at_key(tuple(above))
    return Diagnostic("missing-key", f"`{owner}` needs `{key}`", place, help)


def _field_description(item_class: type[Item], path: KeyPath) -> str | None:
    wanted = wanted_at(item_class, path[:-1])
    model = wanted.model() if wanted else None
    field = model.model_fields.get(str(path[-1])) if model else None
    return field.description if field else None


def _wrong_value(subject: _Subject, path: KeyPath, details: list[ErrorDetails]) -> Diagnostic:
    written, name = subject.written, dotted(path)
    node = written.node.at(path)
    value = node.value if node else None
    later = later_value(subject.section, path, value)
    if later:
        return written.fault("not-yet", later, *path)
    if details[0]["type"] == NOT_TOGETHER:
        return written.fault("contradiction", details[0]["msg"], *path)
    wanted = wanted_at(subject.item_class, path)
    kinds = [detail["type"] for detail in details]
    kind = next((kind for kind in kinds if kind.startswith(RANGE)), kinds[0])
    if wanted is None:
        return written.fault("wrong-value", f"`{name}`: {details[0]['msg']}", *path)
    if kind.startswith(RANGE):
        if isinstance(value, list):
            return written.fault("out-of-range", f"`{name}` is an empty list", *path)
        if isinstance(value, dict):
            return written.fault("out-of-range", f"`{name}` is empty", *path)
        message = f"`{name}` is {shown(value)}, but must be {bounds(wanted)}"
        return written.fault("out-of-range", message, *path)
    if kind == "string_too_short":
        return written.fault("out-of-range", f"`{name}` is empty", *path)
    words = wanted.words()
    if words and isinstance(value, str):
        message = f"`{name}` is {shown(value)}, but must be {described(wanted)}"
        help = suggestion(value, words)
        if help is None and "known word" in message:
            help = f"known are {', '.join(words)}"
        return written.fault("not-one-of", message, *path, help=help)
    if "string_pattern_mismatch" in kinds:
        description = _field_description(subject.item_class, path)
        message = f"`{name}` cannot be {shown(value)}"
        return written.fault("wrong-value", message, *path, help=description)
    if not kind.endswith(("_type", "_error", "_from_float")):
        return written.fault("wrong-value", f"`{name}`: {details[0]['msg']}", *path)
    message = f"`{name}` needs {described(wanted)}, but {found(value)}"
    help = conversion(value, wanted)
    if help is None and wanted.has_pattern():
        help = _field_description(subject.item_class, path)
    return written.fault("wrong-type", message, *path, help=help)
