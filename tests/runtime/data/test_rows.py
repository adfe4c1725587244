"""Conversations and their one form in a file."""

from __future__ import annotations

from pathlib import Path

from ftc_runtime.data.conversation import (
    Conversation,
    Message,
    TextPart,
    text_message,
)
from ftc_runtime.data.rows import read_conversations, row_line
from stage_runs import write_conversations


def test_a_conversation_is_a_line_of_sorted_json() -> None:
    """Content is a list of parts; text stays as it is, escaped no more than JSON must."""
    row = Conversation((text_message("user", 'é\u2028"\n'),))

    assert row_line(row) == (
        '{"messages":[{"content":[{"text":"é\u2028\\"\\n","type":"text"}],"role":"user"}]}'
    )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """Line separators of Unicode inside a text are no ends of lines."""
    rows = [
        Conversation((text_message("user", "a\u2028b\x85c\r\nd"), text_message("assistant", "e"))),
        Conversation((Message("user", (TextPart("f"), TextPart("g"))),)),
    ]

    write_conversations(tmp_path / "rows.jsonl", [row_line(row) for row in rows])

    assert list(read_conversations(tmp_path / "rows.jsonl")) == rows
    assert rows[1].messages[0].text == "fg"
