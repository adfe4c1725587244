"""Rows that are measured with and trained on."""

from __future__ import annotations

import pytest

from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import Conversation, Message, text_message
from ftc_runtime.data.leakage import Leakage, Repeats
from ftc_runtime.data.rows import Judged, Preference, Row, Text

NONE: Json = {"rows": 0, "places": []}


def asked(question: str, answer: str) -> Conversation:
    """Return a conversation of one turn."""
    return Conversation((text_message("user", question), text_message("assistant", answer)))


def said(text: str) -> Message:
    """Return an answer."""
    return text_message("assistant", text)


def leaks(trained: list[Row], measured: list[Row]) -> Json:
    """Return what is found, measured rows being numbered from 1."""
    leakage = Leakage()
    for row in trained:
        leakage.add(row, 0, measured=False)
    for place, row in enumerate(measured, start=1):
        leakage.add(row, place, measured=True)
    return leakage.found().json()


def test_each_row_is_told_once_by_what_of_it_is_trained() -> None:
    """The whole of it, its prompt, or nearly its prompt; in Chinese too."""
    trained = [asked("Who are you?", "Forge."), asked("什么是人工智能？", "机器的智能。")]
    measured = [
        asked("Who are you?", "Forge."),
        asked("Who are you?", "A model."),
        asked("who are you", "Forge."),
        asked("什么是人工智能", "机器的智能。"),
        asked("Who am I?", "Forge."),
    ]

    assert leaks(list(trained), list(measured)) == {
        "rows": {"rows": 1, "places": ["1"]},
        "prompts": {"rows": 1, "places": ["2"]},
        "alike": {"rows": 2, "places": ["3", "4"]},
    }


@pytest.mark.parametrize(
    ("trained", "measured", "kind"),
    [
        (Text("One text."), Text("one text"), "alike"),
        (
            Preference(asked("Q", "A").upto(1), said("good"), said("bad")),
            Preference(asked("Q", "A").upto(1), said("other"), said("bad")),
            "prompts",
        ),
        (Judged(asked("Q", "A"), True), Judged(asked("Q", "A"), False), "prompts"),
    ],
)  # fmt: skip
def test_rows_of_every_type_are_compared(trained: Row, measured: Row, kind: str) -> None:
    """By their text, their prompt, or their conversation's prompt."""
    found = {"rows": NONE, "prompts": NONE, "alike": NONE} | {kind: {"rows": 1, "places": ["1"]}}

    assert leaks([trained], [measured]) == found


def test_who_speaks_is_part_of_a_prompt() -> None:
    """A system message is no question."""
    question, answer = text_message("user", "Be brief"), text_message("assistant", "Yes")
    system = text_message("system", "Be brief")
    trained = Conversation((system, question, answer))

    assert leaks([trained], [Conversation((question, answer))]) == {
        "rows": NONE, "prompts": NONE, "alike": NONE,
    }  # fmt: skip


def test_places_are_bounded_and_the_count_is_not() -> None:
    """Repeated rows of two files: the first of each stays."""
    repeats = Repeats()
    for file in ("a.jsonl", "b.jsonl"):
        for line in range(1, 301):
            repeats.add(f"row {line}", f"{file}:{line}")

    found = repeats.found()

    assert found.rows == 300
    assert list(found.first) == [f"b.jsonl:{line}" for line in range(1, 201)]
    assert found.named(2) == "rows b.jsonl:1, b.jsonl:2, ..."
