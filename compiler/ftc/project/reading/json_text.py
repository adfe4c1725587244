"""A JSON file's text -> plain values, each with the place of its key and of itself."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import cast

from ftc.diagnostics import Diagnostic, Place, ProjectError
from ftc.project.reading.nodes import Node
from ftc_runtime.contract import Json

DEEPEST = 64
_SPACE = re.compile(r"[ \t\n\r]*")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_PLAIN = re.compile(r"[^\s,\]}]+")


def parse_json(path: Path, text: str) -> Node:
    """Return the value that *text* holds.

    Raises:
        ProjectError: if it is not JSON, is nested too deep, or gives a key twice.
    """
    places = _Places(path, text)
    try:
        json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        fault = Diagnostic("syntax", f"{path.name} is not JSON: {error.msg}", places.at(error.pos))
        raise ProjectError([fault], {path: text}) from error
    except (ValueError, RecursionError) as error:
        fault = Diagnostic("syntax", f"{path.name} is not JSON that is read: {error}")
        raise ProjectError([fault]) from error
    return _Reader(text, places).value(0, depth=0)[0]


def _no_constant(word: str) -> Json:
    raise ValueError(f"it has {word}, which is no JSON")


class _Places:
    """Offset in the text -> line and column, as the lines are shown."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text
        lengths = (len(line) for line in text.splitlines(keepends=True))
        self.starts = [0, *accumulate(lengths)]

    def at(self, start: int, end: int | None = None) -> Place:
        """Return the place of a stretch of the text, as far as it is in one line."""
        line = min(bisect_right(self.starts, start), max(1, len(self.starts) - 1))
        begins = self.starts[line - 1]
        stretch = self.text[start:end].splitlines()[:1] if end is not None else []
        return Place(self.path, line, start - begins + 1, max(1, len("".join(stretch))))


class _Reader:
    """Goes once more through a text that is known to be JSON, for the places."""

    def __init__(self, text: str, places: _Places) -> None:
        self.text = text
        self.places = places

    def value(self, start: int, *, depth: int) -> tuple[Node, int]:
        """Return the value that begins at or after *start*, and where it ends."""
        start = self._beyond_space(start)
        if depth > DEEPEST:
            raise self._refused(
                "too-deep",
                f"values are nested more than {DEEPEST} deep here",
                self.places.at(start),
            )
        match self.text[start]:
            case "{":
                return self._object(start, depth)
            case "[":
                return self._list(start, depth)
        value, end = self._scalar(start)
        return Node(value, self.places.at(start, end)), end

    def _object(self, start: int, depth: int) -> tuple[Node, int]:
        children: dict[str | int, Node] = {}
        keys: dict[str, Place] = {}
        at = self._beyond_space(start + 1)
        while self.text[at] != "}":
            key, end = self._scalar(at)
            place = self.places.at(at, end)
            name = str(key)
            if name in keys:
                message = f"`{name}` is given twice: the first is in line {keys[name].line}"
                raise self._refused("duplicate-key", message, place)
            colon = self._beyond_space(end)
            child, end = self.value(colon + 1, depth=depth + 1)
            children[name], keys[name] = child, place
            at = self._beyond_comma(end)
        value: Json = {str(key): child.value for key, child in children.items()}
        return Node(value, self.places.at(start), children, keys), at + 1

    def _list(self, start: int, depth: int) -> tuple[Node, int]:
        members: list[Node] = []
        at = self._beyond_space(start + 1)
        while self.text[at] != "]":
            member, end = self.value(at, depth=depth + 1)
            members.append(member)
            at = self._beyond_comma(end)
        value: Json = [member.value for member in members]
        return Node(value, self.places.at(start), dict(enumerate(members))), at + 1

    def _scalar(self, start: int) -> tuple[Json, int]:
        token = _TEXT.match(self.text, start) or _PLAIN.match(self.text, start)
        token = cast(re.Match[str], token)
        return json.loads(token[0]), token.end()

    def _beyond_space(self, at: int) -> int:
        return cast(re.Match[str], _SPACE.match(self.text, at)).end()

    def _beyond_comma(self, at: int) -> int:
        at = self._beyond_space(at)
        return self._beyond_space(at + 1) if self.text[at] == "," else at

    def _refused(self, code: str, message: str, place: Place) -> ProjectError:
        return ProjectError([Diagnostic(code, message, place)], {self.places.path: self.text})
