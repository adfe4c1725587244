"""Rows of the sharegpt format: turns with `from` and `value`, and tools beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftc_runtime.data.conversation import Message, text_message
from ftc_runtime.data.formats.chats import chat_columns, chat_row
from ftc_runtime.data.formats.thinking import answer, split_thought
from ftc_runtime.data.formats.tools import call_from
from ftc_runtime.data.formats.turns import with_loss
from ftc_runtime.data.formats.values import ReadColumns, RowFault, parsed, text
from ftc_runtime.data.rows import Row
from ftc_runtime.stages.dataset.spec import Reading, Tags

MESSAGES = "conversations"


def columns(reading: Reading) -> ReadColumns:
    """Return the columns that a row must have, and those that it may have."""
    return chat_columns(reading, reading.columns.messages or MESSAGES)


def convert(row: Mapping[str, Any], reading: Reading) -> Row:
    """Return what a row means.

    Raises:
        RowFault: if it means nothing.
    """
    return chat_row(
        row,
        reading,
        messages=reading.columns.messages or MESSAGES,
        message_of=lambda turn: _message(turn, reading.tags),
    )


def _message(turn: Mapping[str, Any], tags: Tags) -> Message:
    role, said = turn.get(tags.role_tag), turn.get(tags.content_tag)
    if said is None:
        raise RowFault(f"a turn without {tags.content_tag}")
    if role == tags.function_tag:
        return with_loss(_calling(said, tags), turn)
    content = text(said, named=tags.content_tag)
    if role == tags.assistant_tag:
        return with_loss(answer(content), turn)
    if role == tags.user_tag:
        return text_message("user", content)
    if role == tags.observation_tag:
        return text_message("tool", content)
    if role == tags.system_tag:
        return text_message("system", content)
    raise RowFault(_unknown(role, tags.role_tag))


def _unknown(role: Any, tag: str) -> str:
    if role is None:
        return f"a turn without {tag}"
    shown = role if isinstance(role, str) and len(role) <= 20 and role.isprintable() else "..."
    return f"a turn with an unknown {tag}: {shown}"


def _calling(said: Any, tags: Tags) -> Message:
    """Return the assistant's message of calls: one, or a list of parallel ones, as JSON."""
    thought = None
    if isinstance(said, str):
        thought, said = split_thought(text(said, named=tags.content_tag))
    calls = parsed(said, named=tags.function_tag)
    if calls == []:
        raise RowFault(f"{tags.function_tag} calls no tool")
    return Message(
        "assistant",
        (),
        thought,
        tuple(
            call_from(call, named=tags.function_tag)
            for call in (calls if isinstance(calls, list) else [calls])
        ),
    )
