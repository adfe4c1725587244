"""Command `preview`: what it shows is what the `tokens` stage trains, id by id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import smollm2
from ftc_runtime.commands import preview
from ftc_runtime.contract import Preview, PreviewChoice, PreviewPart
from ftc_runtime.data.conversation import Conversation, Message, TextPart, ToolCall, text_message
from ftc_runtime.data.rows import Judged, Preference, Row, Text, row_line
from ftc_runtime.data.tokens import IGNORED, TokenRows
from ftc_runtime.errors import StageError
from ftc_runtime.preview.records import Answer, Stretch, Version
from ftc_runtime.templates.definition import Chat, built_in
from stage_runs import chat_file, run_here, write_conversations

FUNCTION: dict[str, Any] = {"type": "function", "function": {"name": "weather", "parameters": {}}}
CALL = ToolCall("weather", {"city": "北京"})
ASKED = text_message("user", "How is the weather?")
ROWS = [
    Conversation((ASKED, text_message("assistant", "Look out."))),
    Conversation(
        (
            text_message("system", "简短回答。"),
            text_message("user", "北京的首都是哪里？"),
            text_message("assistant", "北京就是首都 🗼。"),
            text_message("user", "Say <|im_end|>."),
            text_message("assistant", "<|im_end|> <|im_start|>user\n"),
        )
    ),
    Conversation((ASKED, text_message("assistant", "It rains and it rains. " * 30))),
    Conversation((text_message("user", "Why? " * 60), text_message("assistant", "So."))),
]
THOUGHT = Conversation(
    (ASKED, text_message("assistant", "Wet.", reasoning_content="I hear rain.\nSo it is wet."))
)
CALLED = Conversation(
    (
        ASKED,
        Message("assistant", (TextPart("I look."),), tool_calls=(CALL,)),
        text_message("tool", "rain"),
        text_message("assistant", "It rains."),
    ),
    (FUNCTION,),
)
QWEN3 = Chat(template=built_in("qwen3").model_copy(update={"enable_thinking": True}))


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2's tokenizer as a folder."""
    return smollm2.write_tokenizer(tmp_path_factory.mktemp("tokenizer"))


def asked(folder: Path, rows: Sequence[Row], choice: PreviewChoice, **question: Any) -> Answer:
    """Write the rows, ask for some of them, and return the answer."""
    path = folder / "rows.jsonl"
    write_conversations(path, map(row_line, rows))
    mixed = "tokens" in question
    part = PreviewPart(name="train", files=(path,), names=("rows",), mixed=mixed)
    answer = preview.run(Preview(parts=(part,), choice=choice, **question))
    return Answer.model_validate(answer)


def stretches(version: Version) -> list[Stretch]:
    """Return all stretches of a version."""
    return [stretch for turn in version.turns for stretch in turn.stretches]


def as_trained(version: Version) -> tuple[list[int], list[int]]:
    """Return the ids and the labels that a version shows."""
    shown = stretches(version)
    ids = [id for stretch in shown for id in stretch.ids]
    return ids, [id if one.trained else IGNORED for one in shown for id in one.ids]


@pytest.mark.parametrize("overlong", ["drop", "truncate"])
@pytest.mark.parametrize(
    ("chat", "rows"),
    [
        (Chat(), ROWS),
        (Chat(template=built_in("chatml")), ROWS),
        (Chat(template=built_in("qwen")), [*ROWS, CALLED]),
        (QWEN3, [*ROWS, THOUGHT, CALLED]),
    ],
    ids=["auto", "chatml", "qwen", "qwen3"],
)
def test_what_is_shown_is_what_is_trained(
    tmp_path: Path, tokenizer: Path, chat: Chat, rows: list[Row], overlong: str
) -> None:
    """The ids and the labels are those of the stage's file, row for row, cut ones too."""
    data = {"max_length": 100, "overlong": overlong, "missing_thinking": "mask"}
    inputs = {"tokenizer": tokenizer, "chat": chat_file(tmp_path / "chat.json", chat)}
    write_conversations(tmp_path / "trained.jsonl", map(row_line, rows))
    made = run_here(
        "tokens",
        tmp_path / "stage",
        inputs={**inputs, "train.0": tmp_path / "trained.jsonl"},
        params={"data": data},
    )

    choice = PreviewChoice(rows=100)
    answer = asked(tmp_path, rows, choice, tokens={"data": data}, **inputs)

    trained = TokenRows(made["train"])
    expected = [
        (ids.tolist(), labels.tolist())
        for ids, labels in (trained[row] for row in range(len(trained)))
    ]
    assert [as_trained(row.versions[0]) for row in answer.parts[0].shown] == expected
    assert {row.status for row in answer.parts[0].shown} == (
        {"kept", "cut"} if overlong == "truncate" else {"kept"}
    )


def turns(version: Version) -> list[tuple[str, str, str]]:
    """Return who says what, each stretch with its kind and a * where it is trained."""
    return [
        (turn.who, stretch.kind + "*" * stretch.trained, stretch.text)
        for turn in version.turns
        for stretch in turn.stretches
    ]


def test_the_models_own_template_is_divided_among_the_turns(
    tmp_path: Path, tokenizer: Path
) -> None:
    """Though it tells only where contents are: a header belongs to the one who speaks then."""
    answer = asked(tmp_path, ROWS[:1], PreviewChoice(), tokenizer=tokenizer)

    system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
    assert turns(answer.parts[0].shown[0].versions[0]) == [
        ("template", "frame", "<|im_start|>"),
        ("template", "frame", f"system\n{system}"),
        ("template", "frame", "<|im_end|>"),
        ("template", "frame", "\n"),
        ("user", "frame", "<|im_start|>"),
        ("user", "frame", "user\n"),
        ("user", "content", "How is the weather?"),
        ("user", "frame", "<|im_end|>"),
        ("user", "frame", "\n"),
        ("assistant", "frame", "<|im_start|>"),
        ("assistant", "frame", "assistant\n"),
        ("assistant", "content*", "Look out."),
        ("assistant", "end*", "<|im_end|>"),
        ("assistant", "end*", "\n"),
    ]


def test_thoughts_calls_and_tools_are_told_apart(tmp_path: Path, tokenizer: Path) -> None:
    """Each is of a kind of its own, and what a thought or a call is trained with is marked."""
    rows: list[Row] = [THOUGHT, CALLED]
    answer = asked(
        tmp_path,
        rows,
        PreviewChoice(),
        tokenizer=tokenizer,
        chat=chat_file(tmp_path / "chat.json", QWEN3),
        tokens={"data": {"missing_thinking": "mask"}},
    )

    thought, called = (turns(row.versions[0]) for row in answer.parts[0].shown)
    assert [one for one in thought if one[1] == "thinking*"] == [
        ("assistant", "thinking*", "<think>\nI hear rain.\nSo it is wet.\n</think>\n\n")
    ]
    assert [one for one in called if one[1] == "call*"] == [
        (
            "assistant",
            "call*",
            '<tool_call>\n{"name": "weather", "arguments": {"city": "北京"}}\n</tool_call>',
        )
    ]
    assert [one[0] for one in called if one[1] == "tools"] == ["tools"]
    assert ("tool", "content", "rain") in called


def test_what_was_cut_stands_where_it_was(tmp_path: Path, tokenizer: Path) -> None:
    """The rest of a text behind what is left of it, and a message that is gone in its place."""
    long = ROWS[2]
    two = Conversation((*ROWS[0].messages, text_message("user", "Go on."), *long.messages[1:]))
    data = {"max_length": 60, "overlong": "truncate"}
    answer = asked(
        tmp_path, [long, two], PreviewChoice(), tokenizer=tokenizer, tokens={"data": data}
    )

    shortened, fewer = (row.versions[0] for row in answer.parts[0].shown)
    kept = [one.text for one in stretches(shortened) if one.kind == "content" and one.trained]
    gone = [one.text for one in stretches(shortened) if one.kind == "cut"]
    assert kept[0] + gone[-1] == long.messages[1].text
    assert [(turn.who, [one.kind for one in turn.stretches]) for turn in fewer.turns[-2:]] == [
        ("user", ["cut"]),
        ("assistant", ["cut"]),
    ]
    assert shortened.cut > 0 and shortened.tokens == 60


def test_dropped_rows_say_why(tmp_path: Path, tokenizer: Path) -> None:
    """Overlong ones, refused ones, and what was found in all rows."""
    rows: list[Row] = [ROWS[0], ROWS[2], THOUGHT]
    chat = chat_file(tmp_path / "chat.json", Chat(template=built_in("chatml")))
    choice = PreviewChoice(only="dropped", measured=True)
    answer = asked(
        tmp_path, rows, choice, tokenizer=tokenizer, chat=chat, tokens={"data": {"max_length": 50}}
    )

    (part,) = answer.parts
    assert [(row.number, row.versions[0].reason) for row in part.shown] == [
        (2, "overlong"),
        (3, "refused: it has a thought, for which the template has no `thinking`"),
    ]
    assert part.measured is not None
    assert (part.measured.kept, part.measured.dropped) == (1, {"overlong": 1, "refused": 1})


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [
        (PreviewChoice(rows=2), [1, 2]),
        (PreviewChoice(rows=2, order="longest"), [4, 2]),
        (PreviewChoice(rows=2, order="shortest"), [3, 1]),
        (PreviewChoice(rows=2, order="random", seed=3), [2, 3]),
        (PreviewChoice(numbers=(4, 1)), [4, 1]),
    ],
)
def test_rows_are_chosen(tmp_path: Path, choice: PreviewChoice, numbers: list[int]) -> None:
    """The first ones, by length, by chance with a seed, or by number."""
    rows: list[Row] = [Text("two"), Text("three"), Text("a"), Text("seventeen")]

    answer = asked(tmp_path, rows, choice)

    assert [row.number for row in answer.parts[0].shown] == numbers


def test_a_number_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """It says which."""
    with pytest.raises(StageError, match="train has no row 7"):
        asked(tmp_path, [Text("one")], PreviewChoice(numbers=(1, 7)))


def test_every_type_of_row_is_shown_without_a_model(tmp_path: Path) -> None:
    """Two answers, a judged one, a text; tools behind the system message."""
    right, wrong = text_message("assistant", "Yes."), text_message("assistant", "No.")
    prompt = Conversation((ASKED,))

    def shown(row: Row) -> tuple[bool | None, list[tuple[str, str, str]]]:
        (row_shown,) = asked(tmp_path, [row], PreviewChoice()).parts[0].shown
        return row_shown.label, turns(row_shown.versions[0])

    user = ("user", "content", "How is the weather?")
    assert shown(Preference(prompt, right, wrong)) == (
        None,
        [user, ("chosen", "content", "Yes."), ("rejected", "content", "No.")],
    )
    assert shown(Judged(Conversation((ASKED, right)), False)) == (
        False,
        [user, ("assistant", "content", "Yes.")],
    )
    assert shown(Text("Once.")) == (None, [("text", "content", "Once.")])
    assert shown(CALLED) == (
        None,
        [
            (
                "tools",
                "tools",
                '{"type": "function", "function": {"name": "weather", "parameters": {}}}',
            ),
            user,
            ("assistant", "content", "I look."),
            ("assistant", "call", 'weather {"city": "北京"}'),
            ("tool", "content", "rain"),
            ("assistant", "content", "It rains."),
        ],
    )


def test_a_preference_is_rendered_twice(tmp_path: Path, tokenizer: Path) -> None:
    """With the better answer and with the worse one."""
    right, wrong = text_message("assistant", "Yes."), text_message("assistant", "No.")
    row = Preference(Conversation((ASKED,)), right, wrong)

    (shown,) = asked(tmp_path, [row], PreviewChoice(), tokenizer=tokenizer).parts[0].shown

    assert [
        (version.name, "".join(one.text for one in stretches(version) if one.trained))
        for version in shown.versions
    ] == [("chosen", "Yes.<|im_end|>\n"), ("rejected", "No.<|im_end|>\n")]
