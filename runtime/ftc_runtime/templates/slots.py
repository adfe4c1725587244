"""The slots of a template with a tokenizer's own tokens in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ftc_runtime.templates.definition import Definition

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

CONTENT, BOS, EOS = "{{content}}", "{{bos}}", "{{eos}}"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What `{{bos}}` and `{{eos}}` are. Empty where the tokenizer has no such token."""

    bos: str
    eos: str

    def filled(self, slot: str) -> str:
        """Return a slot with the tokens in it."""
        return slot.replace(BOS, self.bos).replace(EOS, self.eos)


def tokens_of(definition: Definition, tokenizer: PreTrainedTokenizerFast) -> Tokens:
    """Return the tokens that a template writes with a tokenizer."""
    eos = definition.stop[0] if definition.replace_eos else tokenizer.eos_token
    return Tokens(str(tokenizer.bos_token or ""), str(eos or ""))


def around(slot: str) -> tuple[str, str]:
    """Return what a slot has before and behind the message's content."""
    before, _, after = slot.partition(CONTENT)
    return before, after
