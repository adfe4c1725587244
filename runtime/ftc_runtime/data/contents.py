"""What is in the rows of a dataset: who speaks, how often, how much, and with what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import Conversation, Message
from ftc_runtime.data.histogram import histogram
from ftc_runtime.data.rows import Judged, Preference, Row, Text


@dataclass(slots=True)
class Contents:
    """Counts over rows. Memory: a number for each length that occurs."""

    roles: Counter[str] = field(default_factory=Counter)
    """Role -> messages."""
    turns: Counter[int] = field(default_factory=Counter)
    """Messages in a row -> rows."""
    characters: Counter[int] = field(default_factory=Counter)
    """Characters in a row's texts -> rows."""
    rows_with: Counter[str] = field(default_factory=Counter)
    """system, tools, tool_calls, thoughts, loss -> rows that have them."""

    def add(self, row: Row) -> None:
        """Note a row that is kept."""
        messages = list(_messages(row))
        self.roles.update(message.role for message in messages)
        if messages:
            self.turns[len(messages)] += 1
        texts = [row.text] if isinstance(row, Text) else [_all_text(said) for said in messages]
        self.characters[sum(map(len, texts))] += 1
        self.rows_with.update(_with(row, messages))

    def json(self) -> Json:
        """Return them as JSON."""
        return {
            "roles": {role: self.roles[role] for role in sorted(self.roles)},
            "turns": histogram(self.turns),
            "characters": histogram(self.characters, least=64),
            "rows_with": {
                name: self.rows_with[name]
                for name in ("system", "tools", "tool_calls", "thoughts", "loss")
            },
        }


def _messages(row: Row) -> tuple[Message, ...]:
    match row:
        case Conversation(messages) | Judged(Conversation(messages)):
            return messages
        case Preference(prompt, chosen, rejected):
            return (*prompt.messages, chosen, rejected)
        case Text():
            return ()


def _all_text(message: Message) -> str:
    return message.text + (message.reasoning_content or "")


def _with(row: Row, messages: list[Message]) -> Iterator[str]:
    match row:
        case Conversation(_, tools) | Judged(Conversation(_, tools)) if tools:
            yield "tools"
        case Preference(Conversation(_, tools)) if tools:
            yield "tools"
    if any(message.role == "system" for message in messages):
        yield "system"
    if any(message.tool_calls for message in messages):
        yield "tool_calls"
    if any(message.reasoning_content for message in messages):
        yield "thoughts"
    if any(message.loss is not None for message in messages):
        yield "loss"
