"""Rows of the alpaca format: instruction, input, output, system, history."""

from __future__ import annotations

from typing import Any

from ftc_runtime.data.conversation import Conversation, Message, text_message

COLUMNS = ("instruction", "input", "output", "system", "history")


class RowFault(Exception):
    """A row that is no conversation. Its text is a reason: few words, the same for like rows."""


def conversation(row: Any) -> Conversation:
    """Return the conversation that a row means.

    The user says the instruction and the input, a line between them if both are there; pairs of
    the history come before. Texts are kept byte for byte.

    Raises:
        RowFault: if it means none.
    """
    if not isinstance(row, dict):
        raise RowFault("not an object")
    asked = [_text(row, "instruction"), _text(row, "input")]
    question = "\n".join(text for text in asked if text)
    if not question.strip():
        raise RowFault("no instruction" if "instruction" not in row else "empty instruction")
    answer = _text(row, "output")
    if not answer.strip():
        raise RowFault("no output" if "output" not in row else "empty output")
    system = _text(row, "system")
    messages = [text_message("system", system)] if system else []
    messages += _history(row.get("history"))
    messages += [text_message("user", question), text_message("assistant", answer)]
    return Conversation(tuple(messages))


def _text(row: dict[str, Any], column: str) -> str:
    value = row.get(column)
    if value is None:
        return ""
    return _checked(value, f"{column} is not text")


def _checked(value: Any, fault: str) -> str:
    if not isinstance(value, str):
        raise RowFault(fault)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise RowFault("half of a surrogate pair") from error
    return value


def _history(pairs: Any) -> list[Message]:
    if pairs is None:
        return []
    if not isinstance(pairs, list):
        raise RowFault("history is not a list of pairs")
    messages: list[Message] = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise RowFault("history is not a list of pairs")
        question, answer = (_checked(text, "history is not text") for text in pair)
        if not question.strip() or not answer.strip():
            raise RowFault("history has an empty turn")
        messages += [text_message("user", question), text_message("assistant", answer)]
    return messages
