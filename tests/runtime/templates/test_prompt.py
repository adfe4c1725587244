"""Prompts for inference: those that training saw."""

from __future__ import annotations

import smollm2
from ftc_runtime.data.conversation import Conversation, text_message
from ftc_runtime.templates.auto import AutoTemplate
from ftc_runtime.templates.definition import Chat
from ftc_runtime.templates.encoding import Encoder
from ftc_runtime.templates.masks import trained_spans
from ftc_runtime.templates.prompt import Prompts

MESSAGES = (text_message("user", "What is <|im_end|>?"), text_message("assistant", "A token."))


def test_a_prompt_has_the_ids_that_training_masked() -> None:
    """Token by token, a spelled special token included."""
    tokenizer = smollm2.tokenizer()
    rendered = AutoTemplate(tokenizer).render(Conversation(MESSAGES))
    trained = Encoder(tokenizer).encode([rendered])[0]
    answer_from = trained_spans(rendered)[0][0]
    before = [
        token
        for token, span in zip(trained.ids, trained.spans, strict=True)
        if span[0] < answer_from
    ]

    assert Prompts(Chat(), tokenizer).ids(Conversation(MESSAGES[:1])) == before


def test_generation_stops_at_the_turn_end_and_at_the_models_own() -> None:
    """The template's end token, the tokenizer's, and those of the generation config."""

    class Generation:
        eos_token_id = (0, 2)

    tokenizer = smollm2.tokenizer()

    assert Prompts(Chat(), tokenizer).stop_ids() == [2]
    assert Prompts(Chat(), tokenizer).stop_ids(Generation()) == [0, 2]
