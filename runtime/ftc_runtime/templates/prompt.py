"""The prompt of a conversation for inference: the one that training saw, token by token."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ftc_runtime.data.conversation import Conversation
from ftc_runtime.errors import StageError
from ftc_runtime.templates.chat import chat_template
from ftc_runtime.templates.definition import Chat
from ftc_runtime.templates.encoding import Encoder
from ftc_runtime.templates.rendered import TemplateFault

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedTokenizerFast


class Prompts:
    """Makes prompts for a model, and knows where its answers end."""

    def __init__(self, chat: Chat, tokenizer: PreTrainedTokenizerFast) -> None:
        """Take the template that was chosen.

        Raises:
            StageError: if it is the model's own, and cannot be used.
        """
        self._tokenizer = tokenizer
        self._template = chat_template(chat, tokenizer)
        self._encoder = Encoder(tokenizer)

    def ids(self, conversation: Conversation) -> list[int]:
        """Return the ids after which the assistant answers.

        Raises:
            StageError: if the template refuses the conversation.
        """
        try:
            rendered = self._template.prompt(conversation)
        except TemplateFault as fault:
            raise StageError(f"a conversation cannot be rendered: {fault}") from fault
        return self._encoder.encode([rendered])[0].ids

    def stop_ids(self, generation_config: GenerationConfig | None = None) -> list[int]:
        """Return the ids that end an answer, sorted: the model's own and the template's."""
        ends: set[int] = set()
        if self._tokenizer.eos_token_id is not None:
            ends.add(self._tokenizer.eos_token_id)
        own = getattr(generation_config, "eos_token_id", None)
        if own is not None:
            ends.update(own if isinstance(own, Iterable) else [own])
        vocabulary = self._tokenizer.get_vocab()
        ends.update(vocabulary[end] for end in self._template.ends if end in vocabulary)
        return sorted(ends)
