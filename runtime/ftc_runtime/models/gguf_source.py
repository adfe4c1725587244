"""A GGUF file as a source: dequantised once, to a folder that transformers loads."""

from __future__ import annotations

import json
import struct
from math import prod
from pathlib import Path
from typing import Any

import torch
import transformers
from gguf import GGMLQuantizationType
from tokenizers import Tokenizer, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, GgufConfig, PreTrainedTokenizerFast
from transformers.integrations.gguf import reader

from ftc_runtime import events
from ftc_runtime.errors import StageError
from ftc_runtime.models.report import ModelReport
from ftc_runtime.models.saved import write_saved

DIGITS_APART = frozenset(
    {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"}
)
"""llama.cpp's names of those pre-tokenizers that cut before and after each digit, then as GPT-2."""

GPT2 = frozenset({"", "default", "gpt-2", "gpt2", "phi-2", "olmo", "jais", "mpt"})


def take_gguf(source: Path, target: Path, *, dtype: str, work: Path) -> list[str]:
    """Write the model in a GGUF file as a folder of safetensors; return warnings.

    transformers dequantises in float32, whole in memory, whatever type is asked for: a weight is
    rounded once.

    Raises:
        StageError: if the file is no GGUF, or transformers cannot read its architecture.
    """
    metadata = read_metadata(source)
    events.phase("dequantising the GGUF file")
    transformers.utils.logging.disable_progress_bar()
    file = {"pretrained_model_name_or_path": source.parent, "gguf_file": source.name}
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(**file)
        model = AutoModelForCausalLM.from_pretrained(
            **file,
            config=AutoConfig.from_pretrained(**file),
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
        )
    except (ValueError, KeyError, NotImplementedError, OSError) as error:
        raise StageError(
            f"transformers cannot read {source.name} "
            f"({metadata['general.architecture']}): {str(error).splitlines()[0]}",
            "Take the model's safetensors instead",
        ) from error
    warnings = fix_pre_tokenizer(tokenizer, str(metadata.get("tokenizer.ggml.pre", "")))
    tokenizer.model_max_length = model.config.get_text_config().max_position_embeddings
    _forget_quantisation(model)
    write_saved(model, tokenizer, target, dtype=dtype, work=work)
    return warnings


def gguf_tokenizer(source: Path) -> PreTrainedTokenizerFast:
    """Return the tokenizer that a GGUF file describes.

    Raises:
        StageError: if transformers cannot make it.
    """
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(source.parent, gguf_file=source.name)
    except (ValueError, KeyError, OSError) as error:
        raise StageError(f"the tokenizer in {source.name} cannot be read: {error}") from error
    fix_pre_tokenizer(tokenizer, str(read_metadata(source).get("tokenizer.ggml.pre", "")))
    return tokenizer


def examine_gguf(source: Path) -> ModelReport:
    """Return what the model in a GGUF file is, by its metadata.

    Raises:
        StageError: if it is no GGUF file, or is cut short.
    """
    metadata = read_metadata(source)
    tensors = reader.GgufHeader.from_file(str(source)).tensors
    types: dict[str, int] = {}
    for tensor in tensors:
        name = GGMLQuantizationType(tensor.ggml_type).name
        types[name] = types.get(name, 0) + prod(tensor.shape)
    architecture = str(metadata["general.architecture"])
    return ModelReport(
        architecture=architecture,
        model_type=architecture,
        parameters=sum(types.values()),
        dtypes=dict(sorted(types.items())),
        vocab_size=int(metadata.get("tokenizer.ggml.tokens", 0)),
        context_length=metadata.get(f"{architecture}.context_length"),
        chat_template="tokenizer.chat_template" in metadata,
        bytes=source.stat().st_size,
        files={source.name: source.stat().st_size},
    )


def read_metadata(source: Path) -> dict[str, Any]:
    """Return a GGUF file's metadata; of its long lists, only how long they are.

    Raises:
        StageError: if it is no GGUF file, or is cut short.
    """
    try:
        metadata, _ = reader.read_gguf_metadata(str(source))
        header = reader.GgufHeader.from_file(str(source))
    except (ValueError, KeyError, IndexError, struct.error, OSError) as error:
        raise StageError(
            f"{source.name} is no whole GGUF file: {error}", "Fetch it again"
        ) from error
    ends = (header.data_start + item.offset + item.nbytes for item in header.tensors)
    whole = max(ends, default=0)
    if whole > source.stat().st_size:
        raise StageError(
            f"{source.name} is cut short: it has {source.stat().st_size:,} of {whole:,} bytes",
            "Fetch it again",
        )
    return dict(metadata)


def fix_pre_tokenizer(tokenizer: Any, name: str) -> list[str]:
    """Cut text as llama.cpp does for this name, where transformers does not; return warnings."""
    backend: Tokenizer = tokenizer.backend_tokenizer
    if json.loads(backend.to_str())["model"]["type"] != "BPE":
        return []
    if name in DIGITS_APART:
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        )
        return []
    if name in GPT2 or _splits_by_name(name):
        return []
    return [
        f"its pre-tokenizer {name!r} is not known here: text may be cut otherwise than it was in "
        "its training. The model's own tokenizer.json, from its hub, is safer"
    ]


def _splits_by_name(name: str) -> bool:
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

    return name in GGUF_PRE_TOKENIZER_SPLITS


def _forget_quantisation(model: Any) -> None:
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.is_quantized = False
