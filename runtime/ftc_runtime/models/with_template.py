"""A model folder given the chat template that it was trained with, in place of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ftc_runtime.models.configs import read_json, write_json
from ftc_runtime.models.tokenizer import load_tokenizer
from ftc_runtime.templates.definition import Definition
from ftc_runtime.templates.jinja import to_jinja
from ftc_runtime.templates.slots import tokens_of

FILE = "chat_template.jinja"
OTHERS = ("chat_template.json", "additional_chat_templates")
"""Where a model may have further templates, which must not be found in place of the new one."""


def write_template(folder: Path, definition: Definition) -> None:
    """Write the template as Jinja, and which tokens end an answer.

    transformers stops at those of generation_config.json; llama.cpp's converter takes the
    end-of-sequence token from the tokenizer's config.
    """
    tokenizer = load_tokenizer(folder)
    tokens = tokens_of(definition, tokenizer)
    for name in OTHERS:
        _remove(folder / name)
    (folder / FILE).write_text(to_jinja(definition, tokens), encoding="utf-8", newline="\n")
    vocabulary = tokenizer.get_vocab()
    ends = [vocabulary[end] for end in [*definition.stop, tokens.eos] if end in vocabulary]
    _change(folder / "tokenizer_config.json", chat_template=None, eos_token=tokens.eos or None)
    if ends:
        _change(folder / "generation_config.json", eos_token_id=sorted(set(ends)))
        _change(folder / "config.json", eos_token_id=vocabulary.get(tokens.eos, ends[0]))


def _change(path: Path, **changes: Any) -> None:
    """Set fields of a JSON file, or delete those that become None."""
    fields = (read_json(path) if path.exists() else {}) | changes
    write_json(path, {name: value for name, value in fields.items() if value is not None})


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
