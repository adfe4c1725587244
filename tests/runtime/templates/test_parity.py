"""What the model is told when it is served is what it was told in training, token by token."""

from __future__ import annotations

import re
from copy import deepcopy
from functools import cache
from typing import Any, Literal

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

import smollm2
from ftc_runtime.data.conversation import Conversation, text_message
from ftc_runtime.templates import parity
from ftc_runtime.templates.defined import DefinedTemplate
from ftc_runtime.templates.definition import Definition, built_in, extended, library
from ftc_runtime.templates.encoding import Encoder
from ftc_runtime.templates.jinja import to_jinja
from ftc_runtime.templates.parity import Difference, Parity, prove
from ftc_runtime.templates.probes import spelling
from renderings import DISTINCT

Kind = Literal["byte-level", "sentencepiece"]
WITH_CONTENT = ("system", "user", "assistant", "tool_calls", "tool")
MARKUP = re.compile(r"<[^<>\s{}]+>|\[/?[A-Z_]+\]|\[gMASK\]|\[e~\[|\]~!b\[|\]~b\]")
"""What is a special token in some family's tokenizer."""


@cache
def specials() -> list[str]:
    """Return the special tokens of every family."""
    slots = [str(built_in(name).model_dump()) for name in library()]
    return sorted({token for slot in slots for token in MARKUP.findall(slot)})


@cache
def tokenizer(kind: Kind) -> Any:
    """Return SmolLM2's tokenizer or one like Llama 2's, with the tokens of all families."""
    if kind == "byte-level":
        changed = deepcopy(smollm2.tokenizer())
    else:
        changed = PreTrainedTokenizerFast(tokenizer_object=sentencepiece())
    changed.add_special_tokens(
        {"bos_token": "<s>", "eos_token": "</s>", "additional_special_tokens": specials()}
    )
    return changed


def sentencepiece() -> Tokenizer:
    """Return a tokenizer that puts ▁ in front of a text, and falls back on bytes."""
    words = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁"]
    words += [chr(code) for code in range(33, 127)]
    merges = [("▁", "t"), ("▁", "A"), ("t", "h"), ("e", "r"), ("▁t", "h"), ("u", "s")]
    words += [left + right for left, right in merges]
    core = Tokenizer(
        models.BPE(
            {word: index for index, word in enumerate(words)},
            merges,
            unk_token="<unk>",
            byte_fallback=True,
        )
    )
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    return core


@cache
def proof(kind: Kind) -> Parity:
    """Return what compares renderings, made once."""
    return Parity(tokenizer(kind))


@cache
def encoder(kind: Kind) -> Encoder:
    """Return what encodes our renderings, made once."""
    return Encoder(tokenizer(kind))


@cache
def differences(definition: str, kind: Kind = "byte-level") -> list[Difference]:
    """Return what a definition, as JSON, renders differently. Synonyms are proven once."""
    return proof(kind).differences(Definition.model_validate_json(definition))


@pytest.mark.parametrize("name", library())
def test_serving_equals_training(name: str) -> None:
    """For every probe, token by token; with thoughts or without, as the caller chooses."""
    assert differences(built_in(name).model_dump_json()) == []


@pytest.mark.parametrize("name", [name for name in library() if built_in(name).thinking])
def test_a_model_that_is_not_to_think_is_served_as_trained(name: str) -> None:
    """With the empty thought in every prompt."""
    assert differences(extended(name, {"enable_thinking": False}).model_dump_json()) == []


@pytest.mark.parametrize("preserve_thinking", [True, False])
@pytest.mark.parametrize("enable_thinking", [None, True, False])
def test_every_choice_about_thoughts(enable_thinking: bool | None, preserve_thinking: bool) -> None:
    """Whether there are any, and whether earlier answers keep theirs."""
    chosen = {"enable_thinking": enable_thinking, "preserve_thinking": preserve_thinking}

    assert differences(extended("qwen3", chosen).model_dump_json()) == []


@pytest.mark.parametrize(
    "name", ["alpaca", "default", "deepseek", "gemma2", "intern2", "llama2", "mistral", "phi", "yi"]
)
def test_the_first_word_of_a_stretch_is_cut_alike(name: str) -> None:
    """With a tokenizer to which it matters whether a text has begun, as these families have."""
    assert differences(built_in(name).model_dump_json(), "sentencepiece") == []


@pytest.mark.parametrize("name", DISTINCT)
def test_no_message_writes_a_special_token(name: str) -> None:
    """There are as many as in a conversation that spells none."""
    kind: Kind = "byte-level"
    template = DefinedTemplate(built_in(name), tokenizer(kind))
    spelled = spelling([*specials(), "<s>", "</s>"])
    harmless = Conversation(tuple(text_message(said.role, "x") for said in spelled.messages))

    ids = [
        encoder(kind).encode([template.render(conversation)])[0].ids
        for conversation in (spelled, harmless)
    ]

    real = [[token for token in some if token in encoder(kind).special_ids] for some in ids]
    assert real[0] == real[1]


def test_every_slot_takes_the_tokenizers_tokens() -> None:
    """Whether a family has them there or not."""
    slots = {name: f"{{{{bos}}}}{name}{{{{eos}}}}" for name in ("prefix", "suffix")}
    slots |= {"generation_prompt": "{{bos}}", "tool_separator": "{{eos}}"}
    slots |= {name: "{{bos}}[{{content}}]{{eos}}" for name in WITH_CONTENT}
    thinking = {"start": "{{bos}}thinks", "end": "{{eos}}"}
    definition = Definition.model_validate(
        {**slots, "thinking": thinking, "enable_thinking": True, "tool_format": "default"}
    )

    assert proof("byte-level").differences(definition) == []


def test_a_difference_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In words where the texts differ."""
    other = extended("phi", {"generation_prompt": "<|assistant|>"})
    monkeypatch.setattr(parity, "to_jinja", lambda _, tokens: to_jinja(other, tokens))

    first = prove(built_in("phi"), smollm2.tokenizer())[0]

    said = "<|user|>\nWhat is one plus one?<|end|>\n<|assistant|>{}It is two.<|end|>\n"
    assert first == Difference("one turn", said.format("\n"), said.format(""))
