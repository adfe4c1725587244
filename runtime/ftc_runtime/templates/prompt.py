"""The prompt of a conversation for inference: the one that training saw, token by token."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from ftc_runtime.data.conversation import Conversation
from ftc_runtime.errors import StageError
from ftc_runtime.stages.tokens.spec import Template
from ftc_runtime.templates.auto import AutoTemplate
from ftc_runtime.templates.encoding import Encoder
from ftc_runtime.templates.rendered import TemplateFault

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedTokenizerFast


def prompt_ids(
    tokenizer: PreTrainedTokenizerFast, conversation: Conversation, template: Template
) -> list[int]:
    """Return the ids after which the assistant answers.

    Raises:
        StageError: if the model has no usable chat template, or the template refuses it.
    """
    chat, encoder = _prepared(tokenizer, template)
    try:
        rendered = chat.prompt(conversation)
    except TemplateFault as fault:
        raise StageError(f"a conversation cannot be rendered: {fault}") from fault
    return encoder.encode([rendered])[0].ids


def stop_ids(
    tokenizer: PreTrainedTokenizerFast,
    template: Template,
    generation_config: GenerationConfig | None = None,
) -> list[int]:
    """Return the ids that end an answer, sorted: the model's own and the template's turn end."""
    chat, _ = _prepared(tokenizer, template)
    ends: set[int] = set()
    if tokenizer.eos_token_id is not None:
        ends.add(tokenizer.eos_token_id)
    own = getattr(generation_config, "eos_token_id", None)
    if own is not None:
        ends.update(own if isinstance(own, Iterable) else [own])
    ends.update(tokenizer.convert_tokens_to_ids(list(chat.ends)))
    return sorted(ends)


@lru_cache(maxsize=4)
def _prepared(
    tokenizer: PreTrainedTokenizerFast, template: Template
) -> tuple[AutoTemplate, Encoder]:
    return AutoTemplate(tokenizer), Encoder(tokenizer)
