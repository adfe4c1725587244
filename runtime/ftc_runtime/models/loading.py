"""A model folder brought into memory by transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, PreTrainedModel

from ftc_runtime import events
from ftc_runtime.errors import StageError


def load_causal_lm(folder: Path, *, dtype: str, **options: Any) -> PreTrainedModel:
    """Return the model of a folder, on the CPU. *dtype* `auto` keeps the type it is stored in.

    Raises:
        StageError: if transformers cannot make a causal language model from the folder.
    """
    transformers.utils.logging.disable_progress_bar()
    try:
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, local_files_only=True, trust_remote_code=False, **options
        )
    except (ValueError, OSError, KeyError) as error:
        raise StageError(f"transformers cannot load the model: {error}") from error
    _warn_of_slow_type(model.dtype)
    return model


def _warn_of_slow_type(dtype: torch.dtype) -> None:
    """Say so if the CPU that will do the work has no fast matrix product of a 16-bit type."""
    fast = {
        torch.bfloat16: torch.ops.mkldnn._is_mkldnn_bf16_supported,
        torch.float16: torch.ops.mkldnn._is_mkldnn_fp16_supported,
    }
    if dtype in fast and not torch.cuda.is_available() and not fast[dtype]():
        name = str(dtype).removeprefix("torch.")
        events.warning(f"this CPU computes {name} many times slower than float32: dtype: float32")
