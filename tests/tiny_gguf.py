"""A tiny llama with the tokenizer of SmolLM2, as a folder and as a GGUF file."""

from __future__ import annotations

from pathlib import Path

import torch

from smollm2 import write_tokenizer
from stage_runs import run_here, tiny_llama

VOCABULARY = 49152


def tiny_chat_model(folder: Path, *, dtype: torch.dtype = torch.bfloat16, width: int = 32) -> Path:
    """Save a model that can hold a conversation, if a senseless one."""
    tiny_llama(
        folder,
        dtype=dtype,
        vocab_size=VOCABULARY,
        hidden_size=width,
        max_position_embeddings=256,
        initializer_range=0.3,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    return write_tokenizer(folder)


def tiny_gguf(folder: Path, model: Path) -> Path:
    """Convert a tiny model and return the file."""
    return run_here("gguf", folder, inputs={"model": model})["gguf"]
