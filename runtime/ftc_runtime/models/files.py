"""Which files of a model are taken, and how they are copied."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ftc_runtime.errors import StageError

CONFIGS = frozenset({"config.json", "generation_config.json"})

TOKENIZER = frozenset(
    {
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.json",
        "vocab.txt",
        "merges.txt",
        "tokenizer.model",
        "spiece.model",
        "sentencepiece.bpe.model",
        "tekken.json",
        "chat_template.jinja",
        "chat_template.json",
    }
)

PROCESSOR = frozenset(
    {"processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json"}
)

WEIGHTS_PATTERN = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?")

PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl"})

FICLONE = 0x40049409
"""Linux's ioctl that lets two files share their blocks until one is written."""


def is_weights(name: str) -> bool:
    """Tell whether a file holds weights, or the index of them, in Hugging Face's layout."""
    return WEIGHTS_PATTERN.fullmatch(name) is not None


def is_tokenizer(name: str) -> bool:
    """Tell whether a file belongs to a tokenizer."""
    path = PurePosixPath(name)
    if path.parent == PurePosixPath("additional_chat_templates"):
        return path.suffix == ".jinja"
    return name in TOKENIZER or (path.suffix == ".tiktoken" and len(path.parts) == 1)


def is_code(name: str) -> bool:
    """Tell whether a file is Python, to be taken with trust_remote_code only."""
    return name.endswith(".py") and "/" not in name


def wanted(names: Iterable[str], *, code: bool) -> list[str]:
    """Return the files of a model folder that are taken, sorted. All others are left.

    Raises:
        StageError: if there are no weights as safetensors; pickles are no way out.
    """
    every = sorted(names)
    taken = [
        name
        for name in every
        if name in CONFIGS
        or name in PROCESSOR
        or is_weights(name)
        or is_tokenizer(name)
        or (code and is_code(name))
    ]
    if any(name.endswith(".safetensors") for name in taken):
        return taken
    raise StageError(*_no_weights(every))


def _no_weights(names: list[str]) -> tuple[str, str]:
    pickles = [name for name in names if PurePosixPath(name).suffix in PICKLES]
    if pickles:
        likeliest = min(pickles, key=lambda name: (not name.startswith("pytorch_model"), name))
        return (
            f"the weights are pickles ({likeliest}), which can run any code when they are read",
            "Use a revision with model.safetensors, or convert it: "
            "https://huggingface.co/spaces/safetensors/convert",
        )
    files = [name for name in names if name.endswith(".gguf")]
    if files:
        return (
            f"there is no model.safetensors, but {len(files)} GGUF files",
            f"Name one of them: .../{files[0]}",
        )
    adapters = [name for name in names if name == "adapter_model.safetensors"]
    if adapters:
        return "it is an adapter, not a model", "Name its base model"
    return "there is no model.safetensors", "Check the name, or the subfolder"


def copy_file(source: Path, target: Path) -> None:
    """Copy a file's content: shared blocks where the file system can, else inside the kernel."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as reading, target.open("wb") as writing:
        try:
            fcntl.ioctl(writing, FICLONE, reading.fileno())
            return
        except OSError:
            pass  # another file system, or one that cannot share blocks
        try:
            while os.copy_file_range(reading.fileno(), writing.fileno(), 1 << 30):
                pass
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
                raise
            shutil.copyfileobj(reading, writing, 1 << 24)
