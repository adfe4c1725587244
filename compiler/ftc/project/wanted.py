"""What a field takes, in words: from the annotations of its class."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel

from ftc.diagnostics import listed
from ftc.project.reading.nodes import KeyPath
from ftc.project.reading.scalars import NotANumberError, plain_value
from ftc.project.schema import Reference
from ftc_runtime.contract import Json

YES_OR_NO = {
    **dict.fromkeys(("yes", "on", "y", "true"), "true"),
    **dict.fromkeys(("no", "off", "n", "false"), "false"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One type that will do, with its constraints."""

    type: Any
    metadata: tuple[Any, ...] = ()

    def choices(self) -> Iterator[Wanted]:
        """Yield the types of a union, one by one, without None."""
        origin = get_origin(self.type)
        if origin is Annotated:
            inner, *marks = get_args(self.type)
            metadata = [one for mark in marks for one in getattr(mark, "metadata", [mark])]
            yield from Wanted(inner, (*self.metadata, *metadata)).choices()
        elif origin in (Union, types.UnionType):
            for choice in get_args(self.type):
                if choice is not type(None):
                    yield from Wanted(choice, self.metadata).choices()
        else:
            yield self

    def words(self) -> list[str]:
        """Return the words that are allowed, where they are counted."""
        return [
            str(word)
            for choice in self.choices()
            if get_origin(choice.type) is Literal
            for word in get_args(choice.type)
        ]

    def has_pattern(self) -> bool:
        """Say whether it may be a text of a certain form, which its description tells."""
        return any(
            getattr(mark, "pattern", None) for choice in self.choices() for mark in choice.metadata
        )

    def members(self) -> Wanted | None:
        """Return what the members of a list must be, if it may be a list."""
        for choice in self.choices():
            if get_origin(choice.type) is list:
                return Wanted(get_args(choice.type)[0])
        return None

    def keys(self) -> Wanted | None:
        """Return what the keys of a mapping must be, if it may be one of settings by name."""
        return next((Wanted(key) for key, _ in self._by_name()), None)

    def values(self) -> Wanted | None:
        """Return what is under the keys of a mapping, if it may be one of settings by name."""
        return next((Wanted(value) for _, value in self._by_name()), None)

    def _by_name(self) -> Iterator[tuple[Any, Any]]:
        for choice in self.choices():
            if get_origin(choice.type) is dict:
                key, value = get_args(choice.type)
                if Wanted(value).model() is not None:
                    yield key, value

    def model(self) -> type[BaseModel] | None:
        """Return the class of its settings, if it may be a mapping of known keys."""
        for choice in self.choices():
            if isinstance(choice.type, type) and issubclass(choice.type, BaseModel):
                return choice.type
        return None


def wanted_at(model: type[BaseModel], path: KeyPath) -> Wanted | None:
    """Return what belongs at *path* in a class of settings, or None if nothing is known of it."""
    wanted: Wanted | None = Wanted(model)
    for step in path:
        if wanted is None:
            return None
        inner = wanted.model()
        if isinstance(step, int):
            wanted = wanted.members()
        elif inner is not None and step in inner.model_fields:
            field = inner.model_fields[step]
            wanted = Wanted(field.annotation, tuple(field.metadata))
        else:
            wanted = wanted.values()
    return wanted


@cache
def leaves(model: type[BaseModel]) -> tuple[KeyPath, ...]:
    """Return the path of every field of a class, at any depth."""
    return tuple(_leaves(model, above=()))


def _leaves(model: type[BaseModel], *, above: KeyPath) -> Iterator[KeyPath]:
    for name, field in model.model_fields.items():
        yield (*above, name)
        inner = Wanted(field.annotation).model()
        if inner is not None:
            yield from _leaves(inner, above=(*above, name))


def described(wanted: Wanted) -> str:
    """Return what will do, in words: `a whole number`, `all-linear or a list of text`."""
    return listed(dict.fromkeys(_one(choice) for choice in wanted.choices()))


def _one(choice: Wanted, *, plural: bool = False) -> str:
    singular_and_plural = {
        bool: ("true or false", "booleans"),
        int: ("a whole number", "whole numbers"),
        float: ("a number", "numbers"),
        str: ("text", "text"),
    }
    if any(isinstance(mark, Reference) for mark in choice.metadata):
        return "names" if plural else "a name"
    if choice.type in singular_and_plural:
        return singular_and_plural[choice.type][plural]
    origin = get_origin(choice.type)
    if origin is Literal:
        words = [f"`{word}`" for word in get_args(choice.type)]
        if len(words) > 6 or plural:
            return "known words" if plural else "a known word"
        return listed(words)
    if origin is list:
        members = Wanted(get_args(choice.type)[0])
        return f"a list of {listed(_one(member, plural=True) for member in members.choices())}"
    return "mappings" if plural else "a mapping"


def bounds(wanted: Wanted) -> str:
    """Return the limits of a number or of a list's length, in words."""
    words = []
    for mark in (mark for choice in wanted.choices() for mark in choice.metadata):
        match mark:
            case annotated_types.Gt():
                words.append(f"more than {mark.gt}")
            case annotated_types.Ge():
                words.append(f"at least {mark.ge}")
            case annotated_types.Lt():
                words.append(f"less than {mark.lt}")
            case annotated_types.Le():
                words.append(f"at most {mark.le}")
    return " and ".join(words)


def found(value: Json) -> str:
    """Return what a value is, as the second half of `needs a number, but ...`."""
    match value:
        case None:
            return "there is no value here"
        case bool():
            return f"{str(value).lower()} is a boolean"
        case int():
            return f"{value} is a whole number"
        case float():
            return f"{value} is a decimal number"
        case str():
            return f"{shown(value)} is text"
        case list():
            return "this is a list"
    return "this is a mapping"


def shown(value: Json) -> str:
    """Return a value as it is said in a message, cut if it is long."""
    if isinstance(value, str):
        text = " ".join(value.split())
        return f'"{text[:40]}..."' if len(text) > 43 else f'"{text}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def conversion(value: Json, wanted: Wanted) -> str | None:
    """Return how to write a value of the wrong type, where that can be guessed."""
    types = {choice.type for choice in wanted.choices()}
    if isinstance(value, str):
        if bool in types and value.casefold() in YES_OR_NO:
            return f"write `{YES_OR_NO[value.casefold()]}`"
        if types & {int, float} and _is_number(value):
            return f"write {value} without quotes; what comes from ${{NAME}} is always text"
        if wanted.members() is not None and len(value) < 80:
            return f"write [{value}]"
    if str in types and isinstance(value, int | float) and not wanted.has_pattern():
        return f'quote it: "{shown(value)}"'
    return None


def _is_number(text: str) -> bool:
    try:
        return isinstance(plain_value(text), int | float)
    except NotANumberError:
        return False
