"""The chat template that a GGUF file carries, run by the same code as a model folder's."""

from __future__ import annotations

from collections.abc import Mapping

from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

TEMPLATE = "tokenizer.chat_template"
NAMED = {
    "bos_token": "tokenizer.ggml.bos_token_id",
    "eos_token": "tokenizer.ggml.eos_token_id",
    "unk_token": "tokenizer.ggml.unknown_token_id",
    "pad_token": "tokenizer.ggml.padding_token_id",
}
"""Names that templates use for special tokens, and where GGUF keeps their ids."""


def chat_template(
    metadata: Mapping[str, str], specials: Mapping[str, int]
) -> PreTrainedTokenizerFast:
    """Return a tokenizer that has the file's template and special tokens, and no other words.

    Its ids mean nothing: the file's own tokenizer, in llama.cpp, makes those.
    """
    texts = {token: text for text, token in specials.items()}
    named = {
        name: texts[int(metadata[key])]
        for name, key in NAMED.items()
        if key in metadata and int(metadata[key]) in texts
    }
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel({}, unk_token="")),
        chat_template=metadata.get(TEMPLATE),
        **named,
    )
    tokenizer.add_tokens(
        [AddedToken(text, special=True) for text in specials if text], special_tokens=True
    )
    return tokenizer
