"""Sharegpt rows, as LLaMA-Factory reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ftc_runtime.data.formats.converting import columns_read, converted
from ftc_runtime.data.formats.values import RowFault
from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.data.rows import row_line
from ftc_runtime.stages.dataset.spec import Reading

WEATHER = {"name": "weather", "parameters": {"type": "object", "b": 1, "a": 2}}
CALL = {"name": "weather", "arguments": {"z": "北京", "a": [1, None]}}


def line(row: object, **reading: Any) -> Any:
    """Return the canonical line of a row, as JSON."""
    settings = Reading.model_validate({"format": "sharegpt", **reading})
    return json.loads(row_line(converted(RawRow(1, row), settings)))


def turns(*pairs: tuple[str, Any]) -> list[dict[str, Any]]:
    """Return turns of these roles and values."""
    return [{"from": role, "value": value} for role, value in pairs]


def said(role: str, text: str, **more: Any) -> dict[str, Any]:
    """Return a message as a canonical line has it."""
    return {"content": [{"text": text, "type": "text"}], "role": role, **more}


def test_calls_and_observations_are_messages() -> None:
    """Parallel calls are one turn, their results several; keys keep their order."""
    row = {
        "conversations": turns(
            ("system", "S"),
            ("human", "问"),
            ("function_call", json.dumps([CALL, {"name": "now", "arguments": "{}"}])),
            ("observation", "sunny"),
            ("observation", ""),
            ("gpt", " A\n"),
        ),
        "system": "not this one",
        "tools": json.dumps([WEATHER, {"type": "function", "function": {"name": "now"}}]),
    }

    found = line(row)

    assert found == {
        "messages": [
            said("system", "S"),
            said("user", "问"),
            {
                "content": [],
                "role": "assistant",
                "tool_calls": [
                    {"arguments": CALL["arguments"], "name": "weather"},
                    {"arguments": {}, "name": "now"},
                ],
            },
            said("tool", "sunny"),
            said("tool", ""),
            said("assistant", " A\n"),
        ],
        "tools": [
            {"type": "function", "function": WEATHER},
            {"type": "function", "function": {"name": "now"}},
        ],
    }
    assert list(found["messages"][2]["tool_calls"][0]["arguments"]) == ["z", "a"]
    assert list(found["tools"][0]["function"]["parameters"]) == ["type", "b", "a"]


def test_a_thought_in_front_is_taken_out() -> None:
    """Of an answer and of a call; and a turn says whether it is trained."""
    row = {
        "conversations": [
            *turns(("human", "<think>mine</think>")),
            {"from": "function_call", "value": "<think>\n想\n</think>\n" + json.dumps(CALL)},
            *turns(("observation", "ok")),
            {"from": "gpt", "value": "\n<think></think>\n\nA <think>b</think>", "loss": False},
            {"from": "human", "value": "again", "loss": False},
            {"from": "gpt", "value": "<think>no end", "weight": 1},
        ]
    }

    assert line(row)["messages"] == [
        said("user", "<think>mine</think>"),
        {
            "content": [],
            "reasoning_content": "想",
            "role": "assistant",
            "tool_calls": [{"arguments": CALL["arguments"], "name": "weather"}],
        },
        said("tool", "ok"),
        said("assistant", "A <think>b</think>", reasoning_content="", loss=False),
        said("user", "again"),
        said("assistant", "<think>no end", loss=True),
    ]


def test_a_partial_map_keeps_the_other_names() -> None:
    """Columns and tags are laid over the defaults, and never wipe them."""
    row = {
        "turns": [
            {"role": "system", "value": "S"},
            {"role": "human", "value": "Q"},
            {"role": "bot", "value": "A"},
        ],
        "tools": [WEATHER],
    }
    reading = {
        "columns": {"messages": "turns"},
        "tags": {"role_tag": "role", "assistant_tag": "bot"},
    }

    assert line(row, **reading) == {
        "messages": [said("system", "S"), said("user", "Q"), said("assistant", "A")],
        "tools": [{"type": "function", "function": WEATHER}],
    }
    settings = Reading.model_validate({"format": "sharegpt", **reading})
    assert columns_read(settings) == (("turns",), ("system", "tools"))


def test_two_answers_and_a_judged_one() -> None:
    """For preference and for kto, in the words of LLaMA-Factory's own sets."""
    asked = turns(("human", "Q"))
    chosen, rejected = turns(("gpt", "<think>t</think>yes"), ("gpt", "no"))
    prefers = {"conversations": asked, "system": "S", "chosen": chosen, "rejected": rejected}
    judged = {"conversations": turns(("human", "Q"), ("gpt", "A")), "label": False}

    assert line(prefers, type="preference") == {
        "chosen": [said("assistant", "yes", reasoning_content="t")],
        "prompt": [said("system", "S"), said("user", "Q")],
        "rejected": [said("assistant", "no")],
    }
    assert line(judged, type="kto", columns={"kto_tag": "label"}) == {
        "label": False,
        "messages": [said("user", "Q"), said("assistant", "A")],
    }


Q, A = ("human", "Q"), ("gpt", "A")


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ([], "empty conversations"),
        ([("system", "S")], "no turn but the system's"),
        ([A], "the first turn is the assistant's"),
        ([Q], "the last turn is not the assistant's"),
        ([Q, A, Q], "the last turn is not the assistant's"),
        ([Q, Q, A], "two turns of the user behind one another"),
        ([Q, A, A], "two turns of the assistant behind one another"),
        ([Q, ("observation", "x"), A], "a turn of the tool behind one of the user"),
        ([Q, A, ("system", "S"), A], "a system turn that is not in front"),
        ([Q, ("gpt", " ")], "an empty turn of the assistant"),
        ([("human", ""), A], "an empty turn of the user"),
        ([Q, ("bot", "A")], "a turn with an unknown from: bot"),
        ([Q, (["gpt"], "A")], "a turn with an unknown from: ..."),
        ([Q, (None, "A")], "a turn without from"),
        ([Q, ("gpt", None)], "a turn without value"),
        ([Q, ("gpt", 7)], "value is not text"),
        ([Q, ("gpt", "\ud83d")], "half of a surrogate pair"),
        ([Q, ("function_call", "weather()")], "function_call is not JSON"),
        ([Q, ("function_call", "[]")], "function_call calls no tool"),
        ([Q, ("function_call", "[" * 9000)], "function_call nests too deep"),
        ([Q, ("function_call", "{}")], "function_call has a tool without a name"),
        ([Q, ("function_call", "[7]")], "function_call is not a call of a tool"),
        (
            [Q, ("function_call", '{"name": "f", "arguments": "x"}')],
            "function_call.arguments is not JSON",
        ),
        (
            [Q, ("function_call", '{"name": "f", "arguments": [1]}')],
            "function_call.arguments is not an object",
        ),
        (
            [Q, ("function_call", '{"name": "f", "arguments": {"a": [NaN]}}')],
            "function_call has a number that JSON has not",
        ),
        (
            [Q, ("function_call", '{"name": "f", "arguments": {"\\ud83d": 1}}')],
            "half of a surrogate pair",
        ),
    ],
)
def test_turns_that_are_no_conversation_have_a_reason(
    pairs: list[tuple[Any, Any]], reason: str
) -> None:
    """The same words for like rows, so that they can be counted."""
    with pytest.raises(RowFault) as caught:
        line({"conversations": turns(*pairs)})

    assert str(caught.value) == reason


FINE = turns(Q, A)


@pytest.mark.parametrize(
    ("row", "reading", "reason"),
    [
        ({}, {}, "no conversations"),
        ({"conversations": 7}, {}, "conversations is not a list of turns"),
        ({"conversations": "Hi"}, {}, "conversations is not JSON"),
        ({"conversations": ["Hi"]}, {}, "conversations has a turn that is no object"),
        ({"conversations": FINE, "system": 1}, {}, "system is not text"),
        ({"conversations": FINE, "tools": "x"}, {}, "tools is not JSON"),
        ({"conversations": FINE, "tools": [7]}, {}, "tools is not a list of tools"),
        ({"conversations": FINE, "tools": [{}]}, {}, "tools has a tool without a name"),
        ({"conversations": FINE, "tools": [{"name": "f", "a": {1}}]}, {}, "tools is not JSON"),
        (
            {"conversations": [FINE[0], FINE[1] | {"loss": "no"}]},
            {},
            "a turn's loss is neither true nor false",
        ),
        ({"conversations": FINE}, {"type": "kto"}, "no kto_tag"),
        (
            {"conversations": FINE, "kto_tag": "good"},
            {"type": "kto"},
            "kto_tag is neither true nor false",
        ),
        (
            {"conversations": FINE, "chosen": FINE[1], "rejected": FINE[1]},
            {"type": "preference"},
            "the last turn is the assistant's, before the answers to choose from",
        ),
        (
            {"conversations": FINE[:1], "chosen": FINE[1]},
            {"type": "preference"},
            "no rejected",
        ),
        (
            {"conversations": FINE[:1], "chosen": FINE[0], "rejected": FINE[1]},
            {"type": "preference"},
            "chosen is not the assistant's",
        ),
        (
            {"conversations": FINE[:1], "chosen": "A", "rejected": FINE[1]},
            {"type": "preference"},
            "chosen is not a turn",
        ),
    ],
)
def test_other_columns_that_are_wrong_have_a_reason(
    row: dict[str, Any], reading: dict[str, Any], reason: str
) -> None:
    """By the names that the row has for them."""
    with pytest.raises(RowFault) as caught:
        line(row, **reading)

    assert str(caught.value) == reason
