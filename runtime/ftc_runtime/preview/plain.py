"""Rows as they are in a dataset, where no model says how they are rendered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import Conversation, Message
from ftc_runtime.data.rows import Judged, Preference, Row, Text
from ftc_runtime.preview.records import Kind, Stretch, Turn, Version, Who


class Plain:
    """Shows conversations by their turns, without a template."""

    def versions(self, rows: Sequence[Row]) -> list[tuple[Version, ...]]:
        """Return each row with all that it holds."""
        return [(Version(turns=tuple(_turns(row))),) for row in rows]

    def sizes(self, rows: Sequence[Row]) -> list[tuple[Version, ...]]:
        """Return the same: there is nothing that takes long."""
        return self.versions(rows)


def size(version: Version) -> int:
    """Return how many characters a version has."""
    return sum(len(stretch.text) for turn in version.turns for stretch in turn.stretches)


def _turns(row: Row) -> Iterator[Turn]:
    match row:
        case Text(text):
            yield Turn(who="text", stretches=(Stretch(text=text),))
        case Conversation():
            yield from _conversation(row)
        case Judged(conversation):
            yield from _conversation(conversation)
        case Preference(prompt, chosen, rejected):
            yield from _conversation(prompt)
            number = len(prompt.messages)
            yield said(chosen, number, who="chosen")
            yield said(rejected, number, who="rejected")


def _conversation(conversation: Conversation) -> Iterator[Turn]:
    """Give the turns; the tools stand where templates tell of them, behind the system message."""
    turns = [said(message, number) for number, message in enumerate(conversation.messages)]
    first = 1 if turns and turns[0].who == "system" else 0
    yield from turns[:first]
    if conversation.tools:
        lines = "\n".join(map(written, conversation.tools))
        yield Turn(who="tools", stretches=(Stretch(text=lines, kind="tools"),))
    yield from turns[first:]


def said(message: Message, number: int, *, who: Who | None = None) -> Turn:
    """Return a message: its thought, its text, its calls."""
    texts: list[tuple[Kind, str]] = [
        ("thinking", message.reasoning_content or ""),
        ("content", message.text),
        *(("call", f"{call.name} {written(call.arguments)}") for call in message.tool_calls),
    ]
    stretches = tuple(Stretch(text=text, kind=kind) for kind, text in texts if text)
    return Turn(who=who or message.role, message=number, stretches=stretches)


def written(value: Mapping[str, Json]) -> str:
    """Return JSON as people write it."""
    return json.dumps(value, ensure_ascii=False)
