"""What each built-in template makes of two turns: what is prompt, and what is trained."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

import pytest

import smollm2
from ftc_runtime.data.conversation import Conversation, text_message
from ftc_runtime.templates.defined import DefinedTemplate
from ftc_runtime.templates.definition import built_in, extended, library
from ftc_runtime.templates.masks import trained_spans
from renderings import RENDERED, THOUGHTS, Turns

CHAT = Conversation(
    (
        text_message("system", "SYS"),
        text_message("user", "U1"),
        text_message("assistant", "A1"),
        text_message("user", "U2"),
        text_message("assistant", "A2"),
    )
)


@cache
def tokenizer() -> Any:
    """Return a tokenizer whose first and last token are `<BOS>` and `<EOS>`."""
    changed = deepcopy(smollm2.tokenizer())
    changed.add_special_tokens({"bos_token": "<BOS>", "eos_token": "<EOS>"})
    return changed


def rendered(name: str, *, enable_thinking: bool | None = None) -> Turns:
    """Return the two turns as a template renders them."""
    definition = extended(name, {"enable_thinking": enable_thinking})
    whole = DefinedTemplate(definition, tokenizer()).render(CHAT)
    first, last = trained_spans(whole)
    assert last[1] == len(whole.text)
    return Turns(
        whole.text[: first[0]],
        whole.text[first[0] : first[1]],
        whole.text[first[1] : last[0]],
        whole.text[last[0] :],
    )


def test_every_template_has_its_row() -> None:
    """No template of the library is without its rendering, nor without its empty thought."""
    assert [*RENDERED] == [*library()]
    assert [*THOUGHTS] == [name for name in library() if built_in(name).thinking]


@pytest.mark.parametrize("name", [name for name in RENDERED if name not in THOUGHTS])
def test_two_turns_of_a_family(name: str) -> None:
    """Prompts are not trained; answers are, with their ends."""
    assert rendered(name) == RENDERED[name]


@pytest.mark.parametrize("name", THOUGHTS)
def test_a_model_that_thinks_is_trained_on_its_empty_thoughts(name: str) -> None:
    """They are part of the answer."""
    expected, thought = RENDERED[name], THOUGHTS[name]

    assert rendered(name, enable_thinking=True) == expected._replace(
        answer=thought + expected.answer, next_answer=thought + expected.next_answer
    )


@pytest.mark.parametrize("name", THOUGHTS)
def test_a_model_that_is_not_to_think_is_told_so(name: str) -> None:
    """The empty thought is the end of every prompt, and not trained."""
    expected, thought = RENDERED[name], THOUGHTS[name]

    assert rendered(name, enable_thinking=False) == expected._replace(
        prompt=expected.prompt + thought, next_prompt=expected.next_prompt + thought
    )


def test_default_system_messages() -> None:
    """The templates that have one."""
    assert {name for name in library() if built_in(name).default_system} == {
        "alpaca",
        "gemma4",
        "gemma4n",
        "gpt_oss",
        "granite4",
        "intern2",
        "intern_vl",
        "internlm2",
        "kimi_vl",
        "minimax2",
        "qwen",
        "qwen2_vl",
        "smollm2",
        "vicuna",
    }


def test_alpacas_own_system_message_brings_its_blank_line() -> None:
    """One of the data's own gets none."""
    whole = DefinedTemplate(built_in("alpaca"), tokenizer()).prompt(
        Conversation((text_message("user", "U1"),))
    )

    assert whole.text == (
        "Below is an instruction that describes a task. Write a response that appropriately "
        "completes the request.\n\n### Instruction:\nU1\n\n### Response:\n"
    )
