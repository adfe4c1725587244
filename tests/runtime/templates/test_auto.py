"""The chat template read backwards: SmolLM2's own, and others that are harder."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

import smollm2
from ftc_runtime.data.conversation import Conversation, Message, text_message
from ftc_runtime.errors import StageError
from ftc_runtime.templates.auto import AutoTemplate
from ftc_runtime.templates.masks import trained_spans
from ftc_runtime.templates.rendered import Rendered, TemplateFault

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] | trim "
    "+ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""Trims, as Llama 3's and Gemma's do."""

THINKING = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}"
    "{% if m['role'] == 'assistant' and loop.last %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{{ m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""Writes an empty thought into the last answer only, as Qwen3's does."""

FORCED = CHATML.replace("assistant\n' }}{% endif", "assistant\n<think>\n' }}{% endif")
"""Asks with an opened thought that the answer in a conversation does not have."""

NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}" + CHATML
)

DATED = "{{ strftime_now('%d %b %Y') }}" + CHATML


def template(source: str | None = None) -> AutoTemplate:
    """Return SmolLM2's template, or another one on its tokenizer."""
    tokenizer: Any = smollm2.tokenizer()
    if source is not None:
        tokenizer = deepcopy(tokenizer)
        tokenizer.chat_template = source
    return AutoTemplate(tokenizer)


def chat(*texts: str) -> tuple[Message, ...]:
    """Return user and assistant by turns."""
    return tuple(
        text_message("assistant" if index % 2 else "user", text) for index, text in enumerate(texts)
    )


def conversation(*texts: str) -> Conversation:
    """Return a whole conversation."""
    return Conversation(chat(*texts))


def trained(rendered: Rendered) -> list[str]:
    """Return the trained stretches."""
    return [rendered.text[start:stop] for start, stop in trained_spans(rendered)]


def test_every_answer_is_trained_with_its_end() -> None:
    """`<|im_end|>` and the newline behind it, which the model must write to stop."""
    rendered = template().render(conversation("Q1", "A1", "Q2", "A2"))

    assert rendered.text == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
        "<|im_end|>\n<|im_start|>user\nQ1<|im_end|>\n<|im_start|>assistant\nA1<|im_end|>\n"
        "<|im_start|>user\nQ2<|im_end|>\n<|im_start|>assistant\nA2<|im_end|>\n"
    )
    assert trained(rendered) == ["A1<|im_end|>\n", "A2<|im_end|>\n"]


def test_a_template_may_trim() -> None:
    """What it cuts off an answer is not trained, and hides nothing."""
    rendered = template(CHATML).render(conversation(" Q ", "\n A1 \n", "Q2", "A2"))

    assert trained(rendered) == ["A1<|im_end|>\n", "A2<|im_end|>\n"]


def test_a_thought_in_the_last_answer_only_is_followed() -> None:
    """The text that the model is to write there is trained as it stands."""
    rendered = template(THINKING).render(conversation("Q1", "A1", "Q2", "A2"))

    assert trained(rendered) == ["A1<|im_end|>\n", "<think>\n\n</think>\n\nA2<|im_end|>\n"]


def test_a_template_without_a_prefix_is_refused() -> None:
    """The prompt at inference would be none that training saw."""
    with pytest.raises(StageError) as caught:
        template(FORCED)

    assert caught.value.message == (
        "the assistant's turns cannot be found in the model's chat template: the prompt of turn 1 "
        "is not the beginning of what follows: '<think>\\n' became 'Answer<|im_end|>\\n' "
        "at character 58"
    )


def test_a_model_without_a_template_is_refused() -> None:
    """A base model has none."""
    with pytest.raises(StageError) as caught:
        template("")

    assert caught.value.message == (
        "the model has no chat template, so `template: auto` has nothing to read"
    )


def test_a_conversation_that_the_template_refuses_is_a_fault_of_its_row() -> None:
    """With the template's own words."""
    with pytest.raises(TemplateFault, match="the template refuses it: System role not supported"):
        template(NO_SYSTEM).render(
            Conversation(
                (
                    text_message("system", "S"),
                    *chat("Q", "A"),
                )
            )
        )


def test_no_date_gets_into_the_tokens() -> None:
    """A template that asks for today is told a fixed day."""
    assert template(DATED).prompt(conversation("Q")).text.startswith("26 Jul 2024<|im_start|>")


def test_a_prompt_is_the_beginning_of_its_conversation() -> None:
    """Up to the place where the answer starts."""
    auto = template()
    whole = conversation("Q1", "A1", "Q2", "A2")

    rendered = auto.render(whole)

    for turn, (start, _) in zip((1, 3), trained_spans(rendered), strict=True):
        assert auto.prompt(whole.upto(turn)).text == rendered.text[:start]


def test_the_turn_end_is_known() -> None:
    """It stops generation."""
    assert template().turn_end == "<|im_end|>\n"
