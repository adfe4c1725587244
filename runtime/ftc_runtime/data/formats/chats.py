"""Rows that hold turns, whatever a turn looks like in their format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ftc_runtime.data.conversation import Conversation, Message, text_message
from ftc_runtime.data.formats.tools import tools_in
from ftc_runtime.data.formats.turns import hold_content, in_order, turns_in
from ftc_runtime.data.formats.values import ReadColumns, RowFault, text_in
from ftc_runtime.data.formats.verdicts import verdict
from ftc_runtime.data.rows import Judged, Preference, Row
from ftc_runtime.stages.dataset.spec import Reading

MessageOf = Callable[[Mapping[str, Any]], Message]
"""What a format makes of one turn."""


def chat_columns(reading: Reading, messages: str) -> ReadColumns:
    """Return the columns that a row must have, its turns in *messages*, and that it may have."""
    names = reading.columns
    may = (names.system, names.tools)
    match reading.type:
        case "preference":
            return ReadColumns((messages, names.chosen, names.rejected), may)
        case "kto":
            return ReadColumns((messages, names.kto_tag), may)
    return ReadColumns((messages,), may)


def chat_row(
    row: Mapping[str, Any], reading: Reading, *, messages: str, message_of: MessageOf
) -> Row:
    """Return what a row means. A system turn in front goes before the column of its name.

    Raises:
        RowFault: if it means nothing.
    """
    names = reading.columns
    said = [message_of(turn) for turn in turns_in(row, messages)]
    if said[0].role != "system":
        said.insert(0, text_message("system", text_in(row, names.system)))
    if not said[0].text:
        del said[0]
    tools = tools_in(row, names.tools)
    if reading.type == "preference":
        prompt = Conversation(in_order(said, ends_with_answer=False), tools)
        chosen = _choice(row, names.chosen, message_of)
        return Preference(prompt, chosen, _choice(row, names.rejected, message_of))
    conversation = Conversation(in_order(said), tools)
    if reading.type == "kto":
        return Judged(conversation, verdict(row, names.kto_tag))
    return conversation


def _choice(row: Mapping[str, Any], column: str, message_of: MessageOf) -> Message:
    """Return one of two answers: a turn, or a list of just one."""
    turn = row.get(column)
    if turn is None:
        raise RowFault(f"no {column}")
    if isinstance(turn, list) and len(turn) == 1:
        [turn] = turn
    if not isinstance(turn, dict):
        raise RowFault(f"{column} is not a turn")
    message = message_of(turn)
    if message.role != "assistant":
        raise RowFault(f"{column} is not the assistant's")
    hold_content(message)
    return message
