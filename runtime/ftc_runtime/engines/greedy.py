"""A few greedy tokens out of a model, to see that it is alive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ftc_runtime.errors import StageError
from ftc_runtime.models.machine import GIB, available_bytes


@dataclass(frozen=True, slots=True)
class Said:
    """What came after the prompt. *tokens*: each by its own text."""

    text: str
    tokens: tuple[str, ...]


def greedy_folder(path: Path, prompt: str, *, new_tokens: int, weight_bytes: int) -> Said:
    """Return the most likely continuation of a text by a folder's model, on the CPU.

    Raises:
        StageError: if it does not fit into memory, or transformers cannot load it.
    """
    _check_memory(weight_bytes)
    import transformers
    from transformers import AutoModelForCausalLM

    from ftc_runtime.models.tokenizer import load_tokenizer

    transformers.utils.logging.disable_progress_bar()
    tokenizer = load_tokenizer(path)
    try:
        model = AutoModelForCausalLM.from_pretrained(path, dtype="auto", local_files_only=True)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise StageError(f"transformers cannot load it: {str(error).splitlines()[0]}") from error
    begin = tokenizer(prompt, return_tensors="pt")
    whole = model.generate(
        **begin, max_new_tokens=new_tokens, do_sample=False, pad_token_id=tokenizer.pad_token_id
    )[0]
    new = whole[begin.input_ids.shape[1] :].tolist()
    return Said(tokenizer.decode(new), tuple(tokenizer.decode([token]) for token in new))


def greedy_gguf(path: Path, prompt: str, *, new_tokens: int, weight_bytes: int) -> Said:
    """Return the most likely continuation of a text by a GGUF file, in llama.cpp.

    Raises:
        StageError: if it does not fit into memory, or llama.cpp is not here or cannot load it.
    """
    _check_memory(weight_bytes)
    try:
        from llama_cpp import Llama
    except (ImportError, OSError, RuntimeError) as error:
        raise StageError("not asked: llama-cpp-python is not installed") from error
    try:
        model = Llama(str(path), n_ctx=256, verbose=False)
    except ValueError as error:
        raise StageError(f"llama.cpp cannot load it: {str(error).splitlines()[0]}") from error
    begin = model.tokenize(prompt.encode(), add_bos=True, special=False)
    new: list[int] = []
    for token in model.generate(begin, temp=0.0, repeat_penalty=1.0):
        if token == model.token_eos() or len(new) == new_tokens:
            break
        new.append(token)
    pieces = tuple(model.detokenize([token]).decode(errors="replace") for token in new)
    return Said(model.detokenize(new).decode(errors="replace"), pieces)


def _check_memory(weight_bytes: int) -> None:
    free = available_bytes()
    if weight_bytes > free:
        raise StageError(
            f"not asked: it takes {weight_bytes / GIB:.1f} GiB and {free / GIB:.1f} are free"
        )
