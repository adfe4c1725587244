"""Conversations, and their one form in a file: a line of canonical JSON each.

A message's content is a list of parts. Text is the only part so far; pictures will be others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO, cast

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """A stretch of text in a message."""

    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """What one side says in one turn."""

    role: Role
    content: tuple[TextPart, ...]

    @property
    def text(self) -> str:
        """All its text."""
        return "".join(part.text for part in self.content)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in order: at most one system message, in front, then user and assistant by turns."""

    messages: tuple[Message, ...]

    def line(self) -> str:
        """Return its canonical JSON, without the newline."""
        messages = [
            {
                "role": message.role,
                "content": [{"type": "text", "text": part.text} for part in message.content],
            }
            for message in self.messages
        ]
        return json.dumps(
            {"messages": messages}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )


def text_message(role: Role, text: str) -> Message:
    """Return a message of text alone."""
    return Message(role, (TextPart(text),))


def rows_file(path: Path) -> TextIO:
    """Open a file of rows to be written: `Conversation.line()` and a newline for each."""
    return path.open("w", encoding="utf-8", newline="\n")


def read_conversations(path: Path) -> Iterator[Conversation]:
    """Give the conversations of a file of rows."""
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            yield conversation_from(json.loads(line))


def conversation_from(row: dict[str, Any]) -> Conversation:
    """Return the conversation that a row's JSON means."""
    return Conversation(
        tuple(
            Message(
                cast(Role, message["role"]),
                tuple(TextPart(part["text"]) for part in message["content"]),
            )
            for message in row["messages"]
        )
    )
