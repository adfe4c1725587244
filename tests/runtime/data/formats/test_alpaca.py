"""Alpaca rows, as LLaMA-Factory reads them."""

from __future__ import annotations

from typing import Any

import pytest

from ftc_runtime.data.conversation import Conversation, text_message
from ftc_runtime.data.formats.converting import converted
from ftc_runtime.data.formats.values import RowFault
from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.data.rows import Judged, Preference
from ftc_runtime.stages.dataset.spec import Columns, Reading


def conversation(row: object) -> Conversation:
    """Return what a row means."""
    found = converted(RawRow(1, row), Reading())
    assert isinstance(found, Conversation)
    return found


def turns(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a row's messages as pairs."""
    return [(message.role, message.text) for message in conversation(row).messages]


def test_instruction_and_input_are_one_turn() -> None:
    """With a newline between them, and the bytes as they are."""
    row = {"instruction": " Translate. ", "input": "e\u0301\n", "output": "ok "}

    assert turns(row) == [("user", " Translate. \ne\u0301\n"), ("assistant", "ok ")]


def test_an_empty_input_adds_no_newline() -> None:
    """Nor does a missing one, or null; an input alone is a question too."""
    for row in ({"input": ""}, {"input": None}, {}):
        assert turns({"instruction": "Q", "output": "A", **row}) == [
            ("user", "Q"),
            ("assistant", "A"),
        ]
    assert turns({"instruction": "", "input": "Q", "output": "A"})[0] == ("user", "Q")


def test_a_prompt_in_the_column_of_another_is_said_once() -> None:
    """A registry that maps the prompt to `input` names no query."""
    reading = Reading(columns=Columns(prompt="input", response="target"))

    found = converted(RawRow(1, {"input": "Q", "target": "A"}), reading)

    assert isinstance(found, Conversation)
    assert [message.text for message in found.messages] == ["Q", "A"]


def test_system_and_history_come_first() -> None:
    """Pairs of the history are turns in front."""
    row = {
        "instruction": "Q3",
        "output": "A3",
        "system": "S",
        "history": [["Q1", "A1"], ["Q2", "A2"]],
    }

    assert turns(row) == [
        ("system", "S"),
        ("user", "Q1"),
        ("assistant", "A1"),
        ("user", "Q2"),
        ("assistant", "A2"),
        ("user", "Q3"),
        ("assistant", "A3"),
    ]


def test_other_names_are_laid_over_the_usual_ones() -> None:
    """A partial map keeps the rest; tools are read, and a thought is taken out."""
    row = {
        "问": "你好",
        "input": "世界",
        "answer": "<think>\n想\n</think>\n\n好",
        "system": "S",
        "tools": '[{"name": "f"}]',
        "output": "not this",
    }
    reading = Reading(columns=Columns(prompt="问", response="answer"))

    assert converted(RawRow(1, row), reading) == Conversation(
        (
            text_message("system", "S"),
            text_message("user", "你好\n世界"),
            text_message("assistant", "好", reasoning_content="想"),
        ),
        ({"type": "function", "function": {"name": "f"}},),
    )


def test_two_answers_and_a_judged_one() -> None:
    """For preference and for kto. A table of text writes true and false as words."""
    prompt = text_message("user", "Q")
    both = {"instruction": "Q", "chosen": "好", "rejected": "no"}

    assert converted(RawRow(1, both), Reading(type="preference")) == Preference(
        Conversation((prompt,)), text_message("assistant", "好"), text_message("assistant", "no")
    )
    for word, label in ((True, True), (0, False), ("TRUE", True), ("0", False)):
        row = {"instruction": "Q", "output": "A", "kto_tag": word}
        assert converted(RawRow(1, row), Reading(type="kto")) == Judged(
            Conversation((prompt, text_message("assistant", "A"))), label
        )


@pytest.mark.parametrize(
    ("row", "reading", "reason"),
    [
        ({"instruction": "Q", "output": "A"}, Reading(type="preference"), "no chosen"),
        (
            {"instruction": "Q", "chosen": "A", "rejected": {}},
            Reading(type="preference"),
            "rejected is not text",
        ),
        ({"instruction": "Q", "output": "A"}, Reading(type="kto"), "no kto_tag"),
        (
            {"instruction": "Q", "output": "A", "kto_tag": 2},
            Reading(type="kto"),
            "kto_tag is neither true nor false",
        ),
        ({"q": " ", "output": "A"}, Reading(columns=Columns(prompt="q")), "empty q"),
        ({"output": "A"}, Reading(columns=Columns(prompt="q")), "no q"),
        ({"instruction": "Q", "output": "<think> </think> "}, Reading(), "empty output"),
    ],
)
def test_what_another_type_or_name_needs_has_a_reason(
    row: object, reading: Reading, reason: str
) -> None:
    """By the names that the row has for them."""
    with pytest.raises(RowFault) as caught:
        converted(RawRow(1, row), reading)

    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (["Q", "A"], "not an object"),
        ("Q", "not an object"),
        (None, "not an object"),
        ({"output": "A"}, "no instruction"),
        ({"instruction": " ", "output": "A"}, "empty instruction"),
        ({"instruction": 7, "output": "A"}, "instruction is not text"),
        ({"instruction": "Q"}, "no output"),
        ({"instruction": "Q", "output": ""}, "empty output"),
        ({"instruction": "Q", "output": ["A", "B"]}, "output is not text"),
        ({"instruction": "Q", "output": "A", "system": {}}, "system is not text"),
        ({"instruction": "Q", "output": "A", "history": "Q1"}, "history is not a list of pairs"),
        (
            {"instruction": "Q", "output": "A", "history": [["Q1"]]},
            "history is not a list of pairs",
        ),
        ({"instruction": "Q", "output": "A", "history": [["Q1", 1]]}, "history is not text"),
        ({"instruction": "Q", "output": "A", "history": [["Q1", ""]]}, "history has an empty turn"),
        ({"instruction": "Q\ud83d", "output": "A"}, "half of a surrogate pair"),
    ],
)
def test_a_row_that_is_no_conversation_has_a_reason(row: object, reason: str) -> None:
    """The same words for like rows, so that they can be counted."""
    with pytest.raises(RowFault) as caught:
        conversation(row)

    assert str(caught.value) == reason
