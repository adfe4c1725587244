"""Turns of a conversation: in which order they may come, and what a format says of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ftc_runtime.data.conversation import Message
from ftc_runtime.data.formats.values import RowFault, parsed

LOSS = ("loss", "weight")
"""What a message may say of itself: whether it is trained. OpenAI's word is weight."""


def turns_in(row: Mapping[str, Any], column: str) -> list[Mapping[str, Any]]:
    """Return the turns of a column: a list of objects, or JSON text that is one.

    Raises:
        RowFault: if it is none, or empty.
    """
    if row.get(column) is None:
        raise RowFault(f"no {column}")
    turns = parsed(row[column], named=column)
    if not isinstance(turns, list):
        raise RowFault(f"{column} is not a list of turns")
    if not turns:
        raise RowFault(f"empty {column}")
    if not all(isinstance(turn, dict) for turn in turns):
        raise RowFault(f"{column} has a turn that is no object")
    return turns


def with_loss(message: Message, turn: Mapping[str, Any]) -> Message:
    """Return an assistant's message, trained or not as its turn says.

    Raises:
        RowFault: if it says neither.
    """
    said = next((turn[key] for key in LOSS if turn.get(key) is not None), None)
    if said is None or message.role != "assistant":
        return message
    if not isinstance(said, bool | int | float) or said not in (0, 1):
        raise RowFault("a turn's loss is neither true nor false")
    return replace(message, loss=bool(said))


def in_order(messages: Sequence[Message], *, ends_with_answer: bool = True) -> tuple[Message, ...]:
    """Return messages whose roles alternate: the user or tools, then the assistant, and so on.

    A system message may be in front. Results of several calls may follow one another.

    Raises:
        RowFault: if they do not alternate, one of them is empty, or the wrong side ends.
    """
    turns = [message for message in messages if message.role != "system"]
    if any(message.role == "system" for message in messages[1:]):
        raise RowFault("a system turn that is not in front")
    asks = True
    for before, message in zip([None, *turns], turns, strict=False):
        answers = message.role == "assistant"
        goes_on = before is not None and before.role == message.role == "tool"
        if answers == asks and not goes_on:
            raise RowFault(_out_of_order(before, message))
        asks = answers
        hold_content(message)
    if not turns:
        raise RowFault("no turn but the system's")
    if ends_with_answer == asks:
        return tuple(messages)
    raise RowFault(
        "the last turn is not the assistant's"
        if ends_with_answer
        else "the last turn is the assistant's, before the answers to choose from"
    )


def _out_of_order(before: Message | None, message: Message) -> str:
    if before is None:
        return "the first turn is the assistant's"
    if before.role == message.role:
        return f"two turns of the {message.role} behind one another"
    return f"a turn of the {message.role} behind one of the {before.role}"


def hold_content(message: Message) -> None:
    """See that a turn says something. A tool may return nothing.

    Raises:
        RowFault: if it does not.
    """
    says = message.text.strip() or message.tool_calls or message.reasoning_content
    if not says and message.role != "tool":
        raise RowFault(f"an empty turn of the {message.role}")
