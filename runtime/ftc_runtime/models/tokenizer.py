"""A model's tokenizer, loaded from a folder here and from nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from ftc_runtime.errors import StageError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def load_tokenizer(folder: Path, *, trust_remote_code: bool = False) -> PreTrainedTokenizerFast:
    """Return the tokenizer of a model folder.

    Raises:
        StageError: if there is none, or it needs the model's own Python and that is not allowed.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=trust_remote_code
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise StageError(
            f"the model's tokenizer cannot be loaded: {first}",
            "Check that tokenizer.json and tokenizer_config.json are there and whole",
        ) from error
    return cast("PreTrainedTokenizerFast", tokenizer)
