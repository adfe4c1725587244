"""The chat template that a `template` stage chose, put to work with a tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ftc_runtime.templates.auto import AutoTemplate
from ftc_runtime.templates.defined import DefinedTemplate
from ftc_runtime.templates.definition import Chat
from ftc_runtime.templates.rendered import ChatTemplate

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def read_chat(path: Path | None) -> Chat:
    """Return what the file of a `chat` says; without one, the model's own template."""
    if path is None:
        return Chat()
    return Chat.model_validate_json(path.read_bytes())


def write_chat(path: Path, chat: Chat) -> None:
    """Write it as `read_chat` reads it: what differs from the defaults, and no more."""
    text = chat.model_dump_json(include=set(Chat.model_fields), exclude_defaults=True)
    path.write_text(text + "\n", encoding="utf-8")


def chat_template(chat: Chat, tokenizer: PreTrainedTokenizerFast) -> ChatTemplate:
    """Return the template for a tokenizer.

    Raises:
        StageError: if it is the model's own, and cannot be used.
    """
    if isinstance(chat.template, str):
        return AutoTemplate(tokenizer, enable_thinking=chat.enable_thinking)
    return DefinedTemplate(chat.template, tokenizer)
