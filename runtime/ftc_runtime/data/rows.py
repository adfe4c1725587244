"""Rows of a dataset, and their one form in a file: a line of canonical JSON each.

Keys are those of TRL's conversational datasets. Every text is kept byte for byte, and the order of
keys in tools and their arguments is kept too, since a template writes them in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO, TypeAlias

from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import Conversation, Message, message_from

RowType = Literal["sft", "preference", "kto", "text"]


@dataclass(frozen=True, slots=True)
class Preference:
    """Two answers to one conversation, the first the better one. For `type: preference`."""

    prompt: Conversation
    chosen: Message
    rejected: Message


@dataclass(frozen=True, slots=True)
class Judged:
    """A conversation whose last answer is wanted or not. For `type: kto`."""

    conversation: Conversation
    label: bool


@dataclass(frozen=True, slots=True)
class Text:
    """A text to go on training with. For `type: text`."""

    text: str


Row: TypeAlias = Conversation | Preference | Judged | Text


def row_line(row: Row) -> str:
    """Return a row's canonical JSON, without the newline."""
    return json.dumps(_json(row), separators=(",", ":"), ensure_ascii=False)


def _json(row: Row) -> dict[str, Json]:
    match row:
        case Conversation():
            return {"messages": _messages(row.messages), **_tools(row)}
        case Preference(prompt, chosen, rejected):
            return {
                "chosen": [chosen.json()],
                "prompt": _messages(prompt.messages),
                "rejected": [rejected.json()],
                **_tools(prompt),
            }
        case Judged(conversation, label):
            messages = _messages(conversation.messages)
            return {"label": label, "messages": messages, **_tools(conversation)}
        case Text(text):
            return {"text": text}


def _messages(messages: tuple[Message, ...]) -> list[Json]:
    return [message.json() for message in messages]


def _tools(conversation: Conversation) -> dict[str, Json]:
    return {"tools": [dict(tool) for tool in conversation.tools]} if conversation.tools else {}


def row_from(row: Mapping[str, Any]) -> Row:
    """Return the row that `row_line` wrote."""
    if "text" in row:
        return Text(row["text"])
    tools = tuple(row.get("tools", ()))
    if "chosen" in row:
        prompt = Conversation(tuple(map(message_from, row["prompt"])), tools)
        return Preference(prompt, message_from(row["chosen"][0]), message_from(row["rejected"][0]))
    conversation = Conversation(tuple(map(message_from, row["messages"])), tools)
    return Judged(conversation, row["label"]) if "label" in row else conversation


def rows_file(path: Path) -> TextIO:
    """Open a file of rows to be written: `row_line` and a newline for each."""
    return path.open("w", encoding="utf-8", newline="\n")


def read_lines(path: Path) -> Iterator[str]:
    """Give the lines of a file of rows, one at a time, without the newline."""
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line.removesuffix("\n")


def read_rows(path: Path) -> Iterator[Row]:
    """Give the rows of a file."""
    for line in read_lines(path):
        yield row_from(json.loads(line))


def read_conversations(path: Path) -> Iterator[Conversation]:
    """Give the rows of a file of conversations.

    Raises:
        ValueError: if a row is of another type, which the artifact's kind rules out.
    """
    for line in read_lines(path):
        yield conversation_of(line, path)


def conversation_of(line: str, path: Path) -> Conversation:
    """Return the conversation of a line of *path*.

    Raises:
        ValueError: if it is a row of another type, which the artifact's kind rules out.
    """
    row = row_from(json.loads(line))
    if not isinstance(row, Conversation):
        raise ValueError(f"{path.name} holds {type(row).__name__}, not conversations")
    return row


def text_of(line: str, path: Path) -> Text:
    """Return the text of a line of *path*.

    Raises:
        ValueError: if it is a row of another type, which the artifact's kind rules out.
    """
    row = row_from(json.loads(line))
    if not isinstance(row, Text):
        raise ValueError(f"{path.name} holds {type(row).__name__}, not texts")
    return row
