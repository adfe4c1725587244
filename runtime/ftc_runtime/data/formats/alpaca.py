"""Rows of the alpaca format: instruction, input, output, system, history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftc_runtime.data.conversation import Conversation, Message, text_message
from ftc_runtime.data.formats.thinking import answer
from ftc_runtime.data.formats.tools import tools_in
from ftc_runtime.data.formats.values import ReadColumns, RowFault, needed_text, text, text_in
from ftc_runtime.data.formats.verdicts import verdict
from ftc_runtime.data.rows import Judged, Preference, Row
from ftc_runtime.stages.dataset.spec import Columns, Reading

PROMPT = "instruction"


def columns(reading: Reading) -> ReadColumns:
    """Return the columns that a row must have, and those that it may have."""
    names = reading.columns
    prompt = names.prompt or PROMPT
    may = (names.query, names.system, names.history, names.tools)
    match reading.type:
        case "preference":
            return ReadColumns((prompt, names.chosen, names.rejected), may)
        case "kto":
            return ReadColumns((prompt, names.response, names.kto_tag), may)
    return ReadColumns((prompt, names.response), may)


def convert(row: Mapping[str, Any], reading: Reading) -> Row:
    """Return what a row means.

    The user says the prompt and the query, a line between them if both are there; pairs of the
    history come before. Texts are kept byte for byte.

    Raises:
        RowFault: if it means nothing.
    """
    names = reading.columns
    question = _question(row, names)
    match reading.type:
        case "preference":
            prompt = _conversation(row, names, [question])
            return Preference(prompt, _answer(row, names.chosen), _answer(row, names.rejected))
        case "kto":
            said = _answer(row, names.response)
            return Judged(_conversation(row, names, [question, said]), verdict(row, names.kto_tag))
    said = _answer(row, names.response)
    return _conversation(row, names, [question, said])


def _question(row: Mapping[str, Any], names: Columns) -> Message:
    column = names.prompt or PROMPT
    asked = [text_in(row, column)]
    # Where `input` is the prompt, as in many a registry, it is not the query as well.
    if names.query not in (column, names.response, names.system):
        asked.append(text_in(row, names.query))
    question = "\n".join(part for part in asked if part)
    if not question.strip():
        raise RowFault(f"no {column}" if column not in row else f"empty {column}")
    return text_message("user", question)


def _answer(row: Mapping[str, Any], column: str) -> Message:
    message = answer(needed_text(row, column))
    if not (message.text.strip() or message.reasoning_content):
        raise RowFault(f"empty {column}")
    return message


def _conversation(row: Mapping[str, Any], names: Columns, turns: list[Message]) -> Conversation:
    system = text_in(row, names.system)
    messages = [text_message("system", system)] if system else []
    messages += _history(row.get(names.history), names.history)
    return Conversation((*messages, *turns), tools_in(row, names.tools))


def _history(pairs: Any, column: str) -> list[Message]:
    if pairs is None:
        return []
    if not isinstance(pairs, list):
        raise RowFault(f"{column} is not a list of pairs")
    messages: list[Message] = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise RowFault(f"{column} is not a list of pairs")
        question, said = (text(part, named=column) for part in pair)
        if not question.strip() or not said.strip():
            raise RowFault(f"{column} has an empty turn")
        messages += [text_message("user", question), answer(said)]
    return messages
