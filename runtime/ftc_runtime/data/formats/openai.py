"""Rows of the openai format: messages as its API takes them, and tools beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ftc_runtime.data.conversation import Message, Role, TextPart, ToolCall
from ftc_runtime.data.formats.chats import chat_columns, chat_row
from ftc_runtime.data.formats.thinking import split_thought
from ftc_runtime.data.formats.tools import call_from
from ftc_runtime.data.formats.turns import with_loss
from ftc_runtime.data.formats.values import ReadColumns, RowFault, text
from ftc_runtime.data.rows import Row
from ftc_runtime.stages.dataset.spec import Reading

MESSAGES = "messages"
ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
REASONING = ("reasoning_content", "reasoning", "thinking")


def columns(reading: Reading) -> ReadColumns:
    """Return the columns that a row must have, and those that it may have."""
    return chat_columns(reading, reading.columns.messages or MESSAGES)


def convert(row: Mapping[str, Any], reading: Reading) -> Row:
    """Return what a row means.

    Raises:
        RowFault: if it means nothing.
    """
    messages = reading.columns.messages or MESSAGES
    return chat_row(row, reading, messages=messages, message_of=_message)


def _message(turn: Mapping[str, Any]) -> Message:
    role = turn.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise RowFault("a turn without role" if role is None else "a turn with an unknown role")
    message = Message(ROLES[role], _content(turn.get("content")))
    if message.role != "assistant":
        return message
    thought = next((turn[key] for key in REASONING if turn.get(key) is not None), None)
    if thought is not None:
        thought = text(thought, named="reasoning_content")
    elif message.content:
        thought, rest = split_thought(message.content[0].text)
        parts = (*([TextPart(rest)] if rest else []), *message.content[1:])
        message = replace(message, content=parts)
    message = replace(message, reasoning_content=thought, tool_calls=_calls(turn))
    return with_loss(message, turn)


def _content(content: Any) -> tuple[TextPart, ...]:
    """Return the parts of a message: none for null, one for text."""
    if content is None:
        return ()
    if not isinstance(content, list):
        return (TextPart(text(content, named="content")),)
    if not all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        raise RowFault("content has a part that is not text")
    return tuple(TextPart(text(part.get("text"), named="content")) for part in content)


def _calls(turn: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    calls = turn.get("tool_calls")
    if calls is None and isinstance(turn.get("function_call"), dict):
        calls = [turn["function_call"]]
    if calls is None:
        return ()
    if not isinstance(calls, list):
        raise RowFault("tool_calls is not a list")
    return tuple(call_from(call, named="tool_calls") for call in calls)
