"""A model from nothing but a config and a seed: for tests, and to train from the start."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM

from ftc_runtime import events
from ftc_runtime.errors import StageError
from ftc_runtime.models.saved import write_saved
from ftc_runtime.models.tokenizer import load_tokenizer

TOKEN_IDS = ("bos_token_id", "eos_token_id", "pad_token_id")


def make_scratch(
    model_type: str,
    target: Path,
    *,
    config: dict[str, Any],
    seed: int,
    dtype: str,
    tokenizer: Path | None,
    work: Path,
) -> None:
    """Write a model of an architecture with random weights drawn from *seed*.

    What the config does not say about tokens comes from the tokenizer.

    Raises:
        StageError: if the architecture or a field of its config is not known, or no tokenizer
            is given.
    """
    if tokenizer is None:
        raise StageError(
            f"scratch://{model_type} has no tokenizer",
            "Name a model to take it from: tokenizer: NAME",
        )
    words = load_tokenizer(tokenizer)
    from_tokenizer = {name: getattr(words, name) for name in TOKEN_IDS}
    whole = {"vocab_size": len(words), **from_tokenizer, **config}
    made = _config(model_type, whole, written=config)
    if made.get_text_config().vocab_size < len(words):
        raise StageError(
            f"config.vocab_size is {made.get_text_config().vocab_size}, "
            f"but the tokenizer has {len(words)} tokens",
            "Leave vocab_size out, or raise it",
        )
    events.phase("drawing the weights")
    torch.manual_seed(seed)
    try:
        model = AutoModelForCausalLM.from_config(made, dtype=torch.float32)
    except (ValueError, KeyError, AssertionError, RuntimeError) as error:
        raise StageError(
            f"no model can be made from config: {str(error).splitlines()[0]}",
            "Check that the sizes fit one another",
        ) from error
    write_saved(model, words, target, dtype=dtype, work=work)


def _config(model_type: str, fields: dict[str, Any], *, written: dict[str, Any]) -> Any:
    if model_type not in CONFIG_MAPPING:
        near = difflib.get_close_matches(model_type, list(CONFIG_MAPPING), n=1)
        raise StageError(
            f"scratch://{model_type}: transformers knows no such model type",
            f"Did you mean scratch://{near[0]}?" if near else "Write one such as scratch://llama",
        )
    known = vars(CONFIG_MAPPING[model_type]()).keys()
    for name in written:
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1)
            raise StageError(
                f"config.{name} is no field of {model_type}'s config",
                f"Did you mean {near[0]}?" if near else None,
            )
    try:
        return AutoConfig.for_model(model_type, **fields)
    except Exception as error:  # the class of its check is not public
        if type(error).__module__.partition(".")[0] not in ("huggingface_hub", "builtins"):
            raise
        raise StageError(f"config: {' '.join(str(error).split())}") from error
