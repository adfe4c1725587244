"""Definitions compiled to Jinja: how it reads, and what it takes beside conversations."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest

import smollm2
from ftc_runtime.templates.definition import Definition, built_in, extended
from ftc_runtime.templates.jinja import TEXT, to_jinja
from ftc_runtime.templates.model_jinja import chat_message
from ftc_runtime.templates.probes import PROBES
from ftc_runtime.templates.slots import Tokens, tokens_of

HELLO = {"role": "user", "content": "Hello"}

COMPILED = (
    f"{TEXT}\n"
    + """\
{%- if messages[0].role == 'system' -%}
    {%- set system = text(messages[0]) -%}
{%- else -%}
    {%- set system = '' -%}
{%- endif -%}
{{- bos_token -}}
{%- set asked = namespace(before=false) -%}
{%- for message in messages -%}
    {%- if message.role == 'user' -%}
        {{- '<start_of_turn>user\\n' -}}
        {%- if not asked.before -%}
            {%- set asked.before = true -%}
            {%- if system -%}
                {{- system -}}
                {{- '\\n\\n' -}}
            {%- endif -%}
        {%- endif -%}
        {{- text(message) -}}
        {{- '<end_of_turn>\\n' -}}
    {%- elif message.role == 'tool' -%}
        {%- if loop.first or messages[loop.index0 - 1].role != 'tool' -%}
            {{- '<start_of_turn>tool\\n' -}}
        {%- else -%}
            {{- '<end_of_turn>\\n<start_of_turn>tool\\n' -}}
        {%- endif -%}
        {{- text(message) -}}
        {%- if loop.last or messages[loop.index0 + 1].role != 'tool' -%}
            {{- '<end_of_turn>\\n' -}}
        {%- endif -%}
    {%- elif message.role == 'assistant' -%}
        {{- '<start_of_turn>model\\n' -}}
        {{- text(message) -}}
        {{- '<end_of_turn>\\n' -}}
    {%- elif message.role != 'system' or not loop.first -%}
        {{- raise_exception('This template has no place for the role ' ~ message.role \
~ ' in turn ' ~ loop.index) -}}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<start_of_turn>model\\n' -}}
{%- endif -%}
{%- if not add_generation_prompt and messages[-1].role == 'assistant' -%}
    {{- eos_token -}}
{%- endif -%}"""
)


def rendered(definition: Definition, *messages: dict[str, Any], **variables: Any) -> str:
    """Return what transformers makes of messages with a compiled template."""
    tokenizer = smollm2.tokenizer()
    text: str = tokenizer.apply_chat_template(
        list(messages),
        chat_template=to_jinja(definition, tokens_of(definition, tokenizer)),
        tokenize=False,
        **variables,
    )
    return text


def test_a_compiled_template_can_be_read() -> None:
    """Gemma 2's, which has a system message in the user's turn, and a suffix."""
    without_tools = extended("gemma2", {"tool_format": None})

    assert to_jinja(without_tools, Tokens("<bos>", "<eos>")) == COMPILED


def test_a_tokenizer_without_a_first_token_is_asked_for_none() -> None:
    """Engines disagree on what a variable that nobody set prints."""
    assert "bos_token" not in to_jinja(built_in("llama3"), Tokens("", "<eos>"))


@pytest.mark.parametrize("name", ["gemma2", "glm4", "llama3", "qwen3", "seed_oss"])
def test_no_option_of_the_engine_changes_what_is_rendered(name: str) -> None:
    """Such as whether it trims the line break behind a block."""
    definition = built_in(name)
    compiled = to_jinja(definition, tokens_of(definition, smollm2.tokenizer()))
    plain = jinja2.Environment(keep_trailing_newline=True)
    messages = [
        chat_message(said, at)
        for at, said in enumerate(PROBES["white space at the edges"].messages)
    ]

    theirs = plain.from_string(compiled).render(
        messages=messages, **smollm2.tokenizer().special_tokens_map
    )

    assert theirs == rendered(definition, *messages)


def test_content_may_be_parts() -> None:
    """As the OpenAI API sends it."""
    parts = [{"type": "text", "text": "{{ One "}, {"type": "text", "text": "'two' }}\n"}]
    definition = built_in("phi")

    theirs = rendered(definition, {"role": "user", "content": parts})

    assert theirs == rendered(definition, {"role": "user", "content": "{{ One 'two' }}\n"})


def test_a_picture_is_refused() -> None:
    """Rather than left out without a word."""
    with pytest.raises(jinja2.TemplateError, match=r"^This template takes text only, not image$"):
        rendered(built_in("phi"), {"role": "user", "content": [{"type": "image", "image": "x"}]})


@pytest.mark.parametrize(
    "messages", [[HELLO, {"role": "system", "content": "Late"}], [{"role": "poet", "content": ""}]]
)
def test_a_role_without_a_place_is_refused(messages: list[dict[str, str]]) -> None:
    """A later system message too, which training never saw."""
    with pytest.raises(jinja2.TemplateError, match=r"^This template has no place for the role "):
        rendered(built_in("phi"), *messages)


def test_a_caller_may_turn_thinking_off() -> None:
    """With an empty thought in the prompt."""
    thinks = extended("qwen3", {"enable_thinking": True})

    prompts = [
        rendered(thinks, HELLO, add_generation_prompt=True, **choice)
        for choice in ({}, {"enable_thinking": None}, {"enable_thinking": False})
    ]

    asked = "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
    assert prompts == [asked, asked, f"{asked}<think>\n\n</think>\n\n"]


def test_a_model_that_was_trained_not_to_think_is_never_asked_to() -> None:
    """Servers say enable_thinking: true to every template that mentions it."""
    silent = extended("qwen3", {"enable_thinking": False})

    prompt = rendered(silent, HELLO, add_generation_prompt=True, enable_thinking=True)

    assert prompt == (
        "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    )


def test_slots_may_hold_anything() -> None:
    """Quotes, backslashes, braces, and line breaks of every kind."""
    odd = "'\" \\n {{ x }} {% %} {# #}\r\n\t\r\x0b\u2028"

    text = rendered(Definition(user=odd + "{{content}}" + odd, assistant="{{content}}"), HELLO)

    assert text == f"{odd}Hello{odd}"
