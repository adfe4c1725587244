"""A model folder brought into memory by transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import transformers
from transformers import AutoModelForCausalLM, PreTrainedModel

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
    return model
