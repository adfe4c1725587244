"""Names of templates -> what they mean, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ftc.diagnostics import Diagnostic, suggestion
from ftc.project.schema import Item
from ftc.project.sections.templates import Item as Template
from ftc.project.wanted import shown
from ftc.project.written import Written
from ftc_runtime.templates.definition import Chat, Definition, built_in, library

AUTO = "auto"
CONTENT = "{{content}}"
WITH_CONTENT = ("system", "user", "assistant", "tool", "tool_calls")


def chat_of(name: str, enable_thinking: bool | None, own: Mapping[str, Item]) -> Chat:
    """Return how a model is spoken to, by the checked name of its template."""
    if name == AUTO:
        return Chat(enable_thinking=enable_thinking)
    definition = definition_of(name, own)
    if enable_thinking is not None:
        definition = definition.model_copy(update={"enable_thinking": enable_thinking})
    return Chat(template=definition)


def definition_of(name: str, own: Mapping[str, Item]) -> Definition:
    """Return a template, by its checked name: one of the project's *own*, or a built-in one."""
    item = own.get(name)
    if not isinstance(item, Template):
        return built_in(name)
    changes: dict[str, Any] = item.model_dump(exclude_unset=True, exclude={"extends"})
    base = definition_of(item.extends, own).model_dump(exclude_unset=True)
    return Definition.model_validate({**base, **changes})


def template_faults(written: Iterable[Written], own: Mapping[str, Item]) -> list[Diagnostic]:
    """Return the faults of `templates` and of the models that name one."""
    faults: list[Diagnostic] = []
    every = list(written)
    broken = {item.name for item in every if item.section.name == "templates" and not item.item}
    for item in every:
        if item.section.name == "templates":
            faults += _slot_faults(item)
            if item.item is not None:
                faults += _own_faults(item, own, broken)
        elif item.section.name == "models" and item.item is not None:
            faults += _model_faults(item, own, broken)
    return faults


def _slot_faults(item: Written) -> Iterator[Diagnostic]:
    for slot in WITH_CONTENT:
        text = item.text(slot)
        if text is not None and text.count(CONTENT) != 1:
            message = f"`{slot}` must hold {CONTENT} once: it is what the message says"
            yield item.fault("wrong-value", message, slot)


def _own_faults(item: Written, own: Mapping[str, Item], broken: set[str]) -> Iterator[Diagnostic]:
    if item.name in library() or item.name == AUTO:
        message = f"there is a built-in template `{item.name}`, which this one would hide"
        yield Diagnostic("duplicate-name", message, item.key, "give it another name")
    assert isinstance(item.item, Template)
    base = item.item.extends
    yield from _unknown(item, base, "extends", [name for name in own if name != item.name], broken)
    trail = [item.name]
    while base in own:
        if base in trail:
            message = f"`{item.name}` would extend itself: {' -> '.join([*trail, base])}"
            yield item.fault("cycle", message, "extends")
            return
        trail.append(base)
        following = own[base]
        assert isinstance(following, Template)
        base = following.extends


def _model_faults(item: Written, own: Mapping[str, Item], broken: set[str]) -> Iterator[Diagnostic]:
    name: str = getattr(item.item, "template", AUTO)
    choice: bool | None = getattr(item.item, "enable_thinking", None)
    if name == AUTO or name in broken:
        return
    unknown = list(_unknown(item, name, "template", list(own), broken))
    if unknown or _endless(name, own):
        yield from unknown
        return
    definition = definition_of(name, own)
    if definition.thinking is None and choice is not None:
        message = f"the template `{name}` has no place for thoughts"
        place = item.at_key(("enable_thinking",))
        yield Diagnostic("contradiction", message, place, "delete `enable_thinking`")
    elif definition.thinking is not None and definition.enable_thinking is None and choice is None:
        message = f"the template `{name}` lets the model think: choose whether it is to"
        help = "write `enable_thinking: true` or `enable_thinking: false`"
        yield item.fault("missing-key", message, "template", help=help)


def _endless(name: str, own: Mapping[str, Item]) -> bool:
    """Does the template lead to itself, or to one that there is not?"""
    trail = {name}
    while name in own:
        name = getattr(own[name], "extends", "")
        if name in trail:
            return True
        trail.add(name)
    return name not in library()


def _unknown(
    item: Written, name: str, key: str, own: list[str], broken: set[str]
) -> Iterator[Diagnostic]:
    if name in library() or name in own or name in broken:
        return
    known = [AUTO, *own, *library()] if key == "template" else [*own, *library()]
    help = suggestion(name, known) or "docs/templates.md lists the built-in ones"
    message = f"there is no template {shown(name)}"
    yield item.fault("unknown-name", message, key, help=help)
