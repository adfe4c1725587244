"""`template: auto` beyond answers: contents, thoughts and tools in a model's own template."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import smollm2
from ftc_runtime.data.conversation import (
    Conversation,
    Message,
    TextPart,
    ToolCall,
    text_message,
)
from ftc_runtime.templates.auto import AutoTemplate
from ftc_runtime.templates.masks import trained_spans
from ftc_runtime.templates.rendered import Rendered, TemplateFault

WHOLE = (
    "{%- if tools %}<|im_start|>tools\n{{ tools | tojson }}<|im_end|>\n{% endif -%}"
    "{%- for m in messages %}<|im_start|>{{ m.role }}\n"
    "{%- if m.role == 'assistant' and m.reasoning_content %}\n<think>{{ m.reasoning_content }}"
    "</think>{% endif %}\n{{ m.content | trim }}"
    "{%- for call in m.tool_calls or [] %}<call>{{ call.function | tojson }}</call>{% endfor -%}"
    "<|im_end|>\n{% endfor -%}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n{%- endif -%}"
)
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "add", "parameters": {"type": "object", "properties": {}}},
}


def template(source: str | None = None) -> AutoTemplate:
    """Return the template of SmolLM2's tokenizer, or of another source with it."""
    tokenizer = smollm2.tokenizer()
    if source is not None:
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.chat_template = source
    return AutoTemplate(tokenizer)


def contents(rendered: Rendered) -> list[tuple[int | None, str]]:
    """Return the message and the text of each piece of content."""
    return [
        (piece.message, rendered.text[piece.start : piece.stop])
        for piece in rendered.pieces
        if piece.part == "content"
    ]


@pytest.mark.parametrize(
    "text", ["user", "assistant\n", "你好", " padded ", "<|im_end|>", "a\u2028b"]
)
def test_every_content_is_found_where_it_stands(text: str) -> None:
    """Also one that the template itself writes, as a role say, and one with white space around."""
    asked = Conversation(
        (
            text_message("system", text),
            text_message("user", text),
            text_message("assistant", "Answer"),
            text_message("user", f"{text}?"),
            text_message("assistant", text),
        )
    )

    rendered = template(WHOLE).render(asked)

    plain = [
        (at, said.replace(rendered.mark, "") if rendered.mark else said)
        for at, said in contents(rendered)
    ]
    assert plain == [
        (0, text.strip()),
        (1, text.strip()),
        (2, "Answer"),
        (3, f"{text}?".strip()),
        (4, text.strip()),
    ]
    assert "".join(rendered.text[p.start : p.stop] for p in rendered.pieces) == rendered.text


def test_contents_that_look_like_stand_ins_are_left_to_the_prompts() -> None:
    """Answers are found all the same; the user's content is then part of the frame."""
    asked = Conversation((text_message("user", "\uf8fe0\uf8ff"), text_message("assistant", "Yes")))

    rendered = template().render(asked)

    assert contents(rendered) == [(1, "Yes")]


def test_thoughts_and_calls_are_trained_and_tools_are_not() -> None:
    """What the assistant thinks, says and calls, up to the end of its turn."""
    thinks = Message(
        "assistant", (TextPart("Let me see."),), "adding", (ToolCall("add", {"b": 2, "a": 1}),)
    )
    asked = Conversation(
        (
            text_message("user", "1+2?"),
            thinks,
            text_message("tool", "3"),
            text_message("assistant", "3"),
        ),
        (TOOL,),
    )

    rendered = template(WHOLE).render(asked)

    assert [rendered.text[start:stop] for start, stop in trained_spans(rendered)] == [
        "<think>adding</think>Let me see."
        '<call>{"name": "add", "arguments": {"b": 2, "a": 1}}</call><|im_end|>\n',
        "3<|im_end|>\n",
    ]
    assert '"name": "add", "parameters"' in rendered.text
    assert contents(rendered) == [(0, "1+2?"), (1, "Let me see."), (2, "3"), (3, "3")]


@pytest.mark.parametrize(
    ("conversation", "message"),
    [
        (
            Conversation(
                (text_message("user", "Q"), text_message("assistant", "A", reasoning_content="T"))
            ),
            "it has a thought, which the model's own template leaves out",
        ),
        (
            Conversation((text_message("user", "Q"), text_message("assistant", "A")), (TOOL,)),
            "it has tools, which the model's own template leaves out",
        ),
    ],
    ids=["thought", "tools"],
)
def test_what_the_template_would_leave_out_is_refused(
    conversation: Conversation, message: str
) -> None:
    """Rather than trained without."""
    with pytest.raises(TemplateFault, match=message):
        template().render(conversation)
