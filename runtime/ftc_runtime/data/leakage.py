"""Rows that are measured with and trained on, found by digests: some 60 bytes for each row."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import Conversation, Message
from ftc_runtime.data.likeness import likeness
from ftc_runtime.data.places import PlaceList, Places
from ftc_runtime.data.rows import Judged, Preference, Row, Text, row_line

DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Leaks:
    """Rows to measure with of which something is trained; each row is in the first that fits."""

    rows: Places = field(default_factory=Places)
    """The whole row."""
    prompts: Places = field(default_factory=Places)
    """The prompt, with another answer."""
    alike: Places = field(default_factory=Places)
    """A prompt that differs in case, white space, punctuation or Unicode form."""

    @property
    def count(self) -> int:
        """All of them."""
        return self.rows.rows + self.prompts.rows + self.alike.rows

    def named(self, count: int) -> str:
        """Return the first places of each kind, in words."""
        kinds = {"whole": self.rows, "prompt": self.prompts, "prompt, nearly": self.alike}
        return "; ".join(
            f"{places.named(count)} ({what})" for what, places in kinds.items() if places.rows
        )

    def json(self) -> Json:
        """Return them as JSON."""
        return {
            "rows": self.rows.json(),
            "prompts": self.prompts.json(),
            "alike": self.alike.json(),
        }


class Digests:
    """Digests behind one another, 16 bytes each."""

    def __init__(self) -> None:
        """Begin with none."""
        self._bytes = bytearray()

    def add(self, text: str) -> None:
        """Take the digest of a text in."""
        self._bytes += blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()

    def array(self) -> NDArray[np.bytes_]:
        """Return them as an array."""
        return np.frombuffer(bytes(self._bytes), dtype=f"S{DIGEST_BYTES}")

    def repeated(self) -> NDArray[np.int64]:
        """Return the numbers of those that were there before, in order."""
        digests = self.array()
        first_seen = np.unique(digests, return_index=True)[1]
        again = np.ones(len(digests), bool)
        again[first_seen] = False
        return np.flatnonzero(again)


class Repeats:
    """Looks for rows that are there before."""

    def __init__(self) -> None:
        """Begin with no row."""
        self._rows, self._places = Digests(), PlaceList()

    def add(self, line: str, place: int | str) -> None:
        """Take a row in, as its canonical line."""
        self._rows.add(line)
        self._places.add(place)

    def found(self) -> Places:
        """Return the rows that an earlier one is equal to."""
        found = Places()
        for row in self._rows.repeated().tolist():
            found.add(self._places[row])
        return found


class _Side:
    """The rows of one side, each by its row, its prompt, and what its prompt is like."""

    def __init__(self) -> None:
        self.rows, self.prompts, self.alike = Digests(), Digests(), Digests()

    def add(self, row: Row, line: str) -> None:
        self.rows.add(line)
        prompt = _prompt(row)
        self.prompts.add(line if prompt is None else row_line(prompt))
        self.alike.add(likeness(row.text) if isinstance(row, Text) else _alike(prompt))


class Leakage:
    """Looks for rows of `holdout` or `eval` in the rows that are trained on."""

    def __init__(self) -> None:
        """Begin with no row."""
        self._trained, self._measured = _Side(), _Side()
        self._places = PlaceList()

    def add(self, row: Row, place: int | str, *, measured: bool, line: str | None = None) -> None:
        """Take a row in; *line* is its canonical line, if that is at hand."""
        side = self._measured if measured else self._trained
        side.add(row, row_line(row) if line is None else line)
        if measured:
            self._places.add(place)

    def found(self) -> Leaks:
        """Return the rows of which something is trained."""
        leaks = Leaks()
        if not len(self._places):
            return leaks
        seen = np.zeros(len(self._places), bool)
        for name in ("rows", "prompts", "alike"):
            measured: NDArray[np.bytes_] = getattr(self._measured, name).array()
            trained: NDArray[np.bytes_] = getattr(self._trained, name).array()
            here = np.isin(measured, trained) & ~seen
            places: Places = getattr(leaks, name)
            for row in np.flatnonzero(here).tolist():
                places.add(self._places[row])
            seen |= here
        return leaks


def _prompt(row: Row) -> Conversation | None:
    match row:
        case Preference(prompt):
            return prompt
        case Judged(conversation) | (Conversation() as conversation):
            return conversation.upto(len(conversation.messages) - 1)
        case Text():
            return None


def _alike(prompt: Conversation | None) -> str:
    messages = () if prompt is None else prompt.messages
    return "\0".join(f"{message.role}\0{_said(message)}" for message in messages)


def _said(message: Message) -> str:
    calls = [(call.name, dict(call.arguments)) for call in message.tool_calls]
    return likeness(message.text) + (json.dumps(calls, sort_keys=True) if calls else "")
