"""Rows of messages as OpenAI's API takes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ftc_runtime.data.formats.converting import converted
from ftc_runtime.data.formats.values import RowFault
from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.data.rows import row_line
from ftc_runtime.stages.dataset.spec import Reading

USER = {"role": "user", "content": "Q"}
ANSWER = {"role": "assistant", "content": "A"}


def line(row: object, **reading: Any) -> Any:
    """Return the canonical line of a row, as JSON."""
    settings = Reading.model_validate({"format": "openai", **reading})
    return json.loads(row_line(converted(RawRow(1, row), settings)))


def said(role: str, *texts: str, **more: Any) -> dict[str, Any]:
    """Return a message as a canonical line has it."""
    return {"content": [{"text": text, "type": "text"} for text in texts], "role": role, **more}


def test_what_the_api_takes_is_kept() -> None:
    """Calls with arguments as text or as an object, parts, thoughts; and nothing is added."""
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"b":1,"a":2}'}}
    row = {
        "messages": [
            {"role": "developer", "content": [{"type": "text", "text": "S"}]},
            {"role": "user", "content": [{"type": "text", "text": t} for t in ("问", "?\n")]},
            {
                "role": "assistant",
                "content": "Let me see.",
                "reasoning": "想",
                "tool_calls": [call, {"function": {"name": "g", "arguments": {"c": []}}}],
                "weight": 0,
            },
            {"role": "tool", "tool_call_id": "1", "content": "one"},
            {"role": "tool", "content": [{"type": "text", "text": "two"}]},
            {"role": "assistant", "content": "<think>\nb\n</think>\n\nA"},
            USER,
            {"role": "assistant", "content": None, "function_call": {"name": "h"}},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "strict": True}}],
        "parallel_tool_calls": True,
    }

    assert line(row) == {
        "messages": [
            said("system", "S"),
            said("user", "问", "?\n"),
            said(
                "assistant",
                "Let me see.",
                loss=False,
                reasoning_content="想",
                tool_calls=[
                    {"arguments": {"b": 1, "a": 2}, "name": "f"},
                    {"arguments": {"c": []}, "name": "g"},
                ],
            ),
            said("tool", "one"),
            said("tool", "two"),
            said("assistant", "A", reasoning_content="b"),
            said("user", "Q"),
            said("assistant", tool_calls=[{"arguments": {}, "name": "h"}]),
        ],
        "tools": [{"type": "function", "function": {"name": "f", "strict": True}}],
    }


def test_what_another_column_holds_is_used() -> None:
    """Absent values of a table's columns are as if they were not there."""
    absent = {"tool_calls": None, "reasoning_content": None, "loss": None}
    row = {"chat": json.dumps([USER, ANSWER | absent]), "system": "S", "tools": None}

    assert line(row, columns={"messages": "chat"}) == {
        "messages": [said("system", "S"), said("user", "Q"), said("assistant", "A")]
    }


def test_two_answers_and_a_judged_one() -> None:
    """An answer is a message, or a list of one as TRL writes it."""
    prefers = {"messages": [USER], "chosen": [ANSWER], "rejected": ANSWER | {"content": "B"}}
    judged = {"messages": [USER, ANSWER], "kto_tag": "True"}

    assert line(prefers, type="preference") == {
        "chosen": [said("assistant", "A")],
        "prompt": [said("user", "Q")],
        "rejected": [said("assistant", "B")],
    }
    assert line(judged, type="kto") == {
        "label": True,
        "messages": [said("user", "Q"), said("assistant", "A")],
    }


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([{"content": "Q"}, ANSWER], "a turn without role"),
        ([{"role": "critic", "content": "Q"}, ANSWER], "a turn with an unknown role"),
        ([{"role": {}, "content": "Q"}, ANSWER], "a turn with an unknown role"),
        ([{"role": "user"}, ANSWER], "an empty turn of the user"),
        ([{"role": "user", "content": {}}, ANSWER], "content is not text"),
        (
            [{"role": "user", "content": [{"type": "image_url"}]}, ANSWER],
            "content has a part that is not text",
        ),
        ([USER, ANSWER | {"tool_calls": {}}], "tool_calls is not a list"),
        ([USER, ANSWER | {"tool_calls": ["f"]}], "tool_calls is not a call of a tool"),
        ([USER, ANSWER | {"reasoning": 7}], "reasoning_content is not text"),
        ([USER, {"role": "assistant", "content": ""}], "an empty turn of the assistant"),
        ([USER, ANSWER | {"weight": 0.5}], "a turn's loss is neither true nor false"),
    ],
)
def test_messages_that_are_no_conversation_have_a_reason(
    messages: list[dict[str, Any]], reason: str
) -> None:
    """The same words for like rows, so that they can be counted."""
    with pytest.raises(RowFault) as caught:
        line({"messages": messages})

    assert str(caught.value) == reason
