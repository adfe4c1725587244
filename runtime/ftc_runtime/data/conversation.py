"""Conversations: who says what, which tools there are, and what the assistant thinks.

Names are those of the OpenAI API and of transformers' chat templates. A message's content is a
list of parts. Text is the only part so far; pictures will be others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from ftc_runtime.contract import Json

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """A stretch of text in a message."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the assistant calls. The order of the arguments is the data's own."""

    name: str
    arguments: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Message:
    """What one side says in one turn. A tool's message is what it returned."""

    role: Role
    content: tuple[TextPart, ...]
    reasoning_content: str | None = None
    """What the assistant thinks before it answers, without a template's marks around it."""
    tool_calls: tuple[ToolCall, ...] = ()
    loss: bool | None = None
    """Whether it is trained; if None, `train_on` decides."""

    @property
    def text(self) -> str:
        """All its text."""
        return "".join(part.text for part in self.content)

    def json(self) -> dict[str, Json]:
        """Return it as `message_from` reads it, keys in alphabetical order."""
        row: dict[str, Json] = {
            "content": [{"text": part.text, "type": "text"} for part in self.content]
        }
        if self.loss is not None:
            row["loss"] = self.loss
        if self.reasoning_content is not None:
            row["reasoning_content"] = self.reasoning_content
        row["role"] = self.role
        if self.tool_calls:
            row["tool_calls"] = [
                {"arguments": dict(call.arguments), "name": call.name} for call in self.tool_calls
            ]
        return row


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in order, and the tools that the assistant may call in them.

    At most one system message, in front. Then the user or tools, and the assistant, by turns; the
    results of several calls are several messages behind one another.
    """

    messages: tuple[Message, ...]
    tools: tuple[Mapping[str, Json], ...] = ()
    """Functions as JSON schema: `{"type": "function", "function": {"name": ...}}`."""

    def upto(self, message: int) -> Conversation:
        """Return what was said before a message."""
        return Conversation(self.messages[:message], self.tools)


def text_message(role: Role, text: str, *, reasoning_content: str | None = None) -> Message:
    """Return a message of text alone."""
    return Message(role, (TextPart(text),), reasoning_content)


def message_from(row: Mapping[str, Any]) -> Message:
    """Return the message that `Message.json` wrote."""
    return Message(
        cast(Role, row["role"]),
        tuple(TextPart(part["text"]) for part in row["content"]),
        row.get("reasoning_content"),
        tuple(ToolCall(call["name"], call["arguments"]) for call in row.get("tool_calls", ())),
        row.get("loss"),
    )
