"""Conversations written by a definition: what stands where, and what part of it is what."""

from __future__ import annotations

from dataclasses import replace

import pytest

import smollm2
from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import Conversation, Message, ToolCall, text_message
from ftc_runtime.templates.defined import DefinedTemplate
from ftc_runtime.templates.definition import built_in, extended
from ftc_runtime.templates.probes import PROBES
from ftc_runtime.templates.rendered import Rendered, TemplateFault
from renderings import DISTINCT

USER, ANSWER = text_message("user", "U"), text_message("assistant", "A")
THOUGHTFUL = replace(ANSWER, reasoning_content="T")
CALLING = replace(ANSWER, content=(), tool_calls=(ToolCall("now", {}),))
PREFIXED = "<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n"
"""What qwen3 writes in front of the first answer."""


def template(name: str, **changes: object) -> DefinedTemplate:
    """Return a built-in template with some slots changed."""
    return DefinedTemplate(extended(name, changes), smollm2.tokenizer())


def rendered(name: str, *messages: Message, **changes: object) -> Rendered:
    """Return messages as a template renders them."""
    return template(name, **changes).render(Conversation(messages))


def parts(whole: Rendered) -> list[tuple[str, str]]:
    """Return the text of each piece, and what it is."""
    return [(whole.text[piece.start : piece.stop], piece.part) for piece in whole.pieces]


@pytest.mark.parametrize("name", DISTINCT)
def test_a_prompt_is_the_beginning_of_its_conversation(name: str) -> None:
    """Up to where the answer's own part starts, for every answer of every probe."""
    enabled = {"enable_thinking": True} if built_in(name).thinking else {}
    chosen = template(name, **enabled)
    for probe in PROBES.values():
        try:
            whole = chosen.render(probe)
        except TemplateFault:
            continue
        for at in whole.answers:
            own = [p for p in whole.pieces if p.message == at and p.part != "frame"]
            start = own[0].start if own else None
            prompt = chosen.prompt(probe.upto(at)).text

            assert whole.text.startswith(prompt)
            assert start in (None, len(prompt))


@pytest.mark.parametrize("name", DISTINCT)
def test_pieces_cover_the_text(name: str) -> None:
    """One behind the other, none of them empty."""
    whole = template(name).render(PROBES["three turns"])

    bounds = [(piece.start, piece.stop) for piece in whole.pieces]
    assert [start for start, _ in bounds] == [0, *(stop for _, stop in bounds[:-1])]
    assert bounds[-1][1] == len(whole.text)
    assert all(start < stop for start, stop in bounds)


def test_a_template_has_its_own_system_message() -> None:
    """Where a conversation has none; an empty one is a wish to have none."""
    given = [(), (text_message("system", "S"),), (text_message("system", ""),)]

    texts = [rendered("qwen2_vl", *system, USER, ANSWER).text for system in given]

    rest = f"{PREFIXED}A<|im_end|>\n"
    assert texts == [
        f"<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{rest}",
        f"<|im_start|>system\nS<|im_end|>\n{rest}",
        rest,
    ]


def test_a_system_message_without_a_turn_to_stand_in_is_a_fault() -> None:
    """It would be lost without a word."""
    with pytest.raises(TemplateFault, match=r"^it has no user's turn"):
        rendered("gemma", text_message("system", "S"), ANSWER)


def test_what_the_assistant_thinks_is_part_of_its_answer() -> None:
    """With the marks around it; without a thought, the marks alone."""
    whole = rendered("qwen3", USER, THOUGHTFUL, USER, ANSWER, enable_thinking=True)

    assert parts(whole)[3:7] == [
        ("<|im_start|>assistant\n", "frame"),
        ("<think>\n", "thinking"),
        ("T", "thinking"),
        ("\n</think>\n\n", "thinking"),
    ]
    assert whole.text == (
        f"{PREFIXED}<think>\nT\n</think>\n\nA<|im_end|>\n"
        f"{PREFIXED}<think>\n\n</think>\n\nA<|im_end|>\n"
    )


def test_thoughts_of_a_model_that_is_not_to_think_are_left_out() -> None:
    """The empty thought is the prompt's."""
    whole = rendered("qwen3", USER, THOUGHTFUL, enable_thinking=False)

    assert parts(whole)[3:6] == [
        ("<|im_start|>assistant\n", "frame"),
        ("<think>\n\n</think>\n\n", "frame"),
        ("A", "content"),
    ]


def test_earlier_answers_may_go_without_their_thoughts() -> None:
    """An answer behind a tool's result is no earlier one."""
    tool = text_message("tool", "R")

    whole = rendered(
        "qwen3",
        *(USER, THOUGHTFUL, USER, THOUGHTFUL, tool, THOUGHTFUL),
        enable_thinking=True,
        preserve_thinking=False,
    )

    thought = "<think>\nT\n</think>\n\nA<|im_end|>\n"
    assert whole.text == (
        f"{PREFIXED}A<|im_end|>\n{PREFIXED}{thought}"
        "<|im_start|>user\n<tool_response>\nR\n</tool_response><|im_end|>\n"
        f"<|im_start|>assistant\n{thought}"
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "qwen",
            "<|im_start|>user\n<tool_response>\n1\n</tool_response>\n<tool_response>\n2\n"
            "</tool_response><|im_end|>\n<|im_start|>assistant\n",
        ),
        (
            "llama3",
            "<|start_header_id|>ipython<|end_header_id|>\n\n1<|eot_id|>"
            "<|start_header_id|>ipython<|end_header_id|>\n\n2<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        (
            "mistral",
            '[TOOL_RESULTS] {"content": 1}[/TOOL_RESULTS]'
            '[TOOL_RESULTS] {"content": 2}[/TOOL_RESULTS]',
        ),
        ("glm4", "<|observation|>\n1<|observation|>\n2<|assistant|>"),
    ],
)
def test_results_of_several_tools(name: str, expected: str) -> None:
    """In one turn, or in turns of their own, as the family has them."""
    called = Conversation((USER, CALLING))
    answered = Conversation(
        (*called.messages, text_message("tool", "1"), text_message("tool", "2"))
    )
    chosen = template(name, suffix="")

    assert chosen.prompt(answered).text == chosen.render(called).text + expected


@pytest.mark.parametrize(
    ("messages", "tools", "fault"),
    [
        ((USER, THOUGHTFUL), (), "it has a thought, for which the template has no `thinking`"),
        ((USER, CALLING), (), "it calls tools, for which the template has no `tool_format`"),
        (
            (USER, ANSWER),
            ({"type": "function", "function": {"name": "now"}},),
            "it has tools, for which the template has no `tool_format`",
        ),
    ],
)
def test_what_a_template_has_no_place_for_is_a_fault(
    messages: tuple[Message, ...], tools: tuple[dict[str, Json], ...], fault: str
) -> None:
    """Of the row, and not left out."""
    chosen = template("phi", tool_format=None)

    with pytest.raises(TemplateFault) as caught:
        chosen.render(Conversation(messages, tools))

    assert str(caught.value) == fault
