"""How attention is computed: transformers' own ways, and `varlen`, which goes row by row.

transformers isolates the rows of a pack by a mask of T x T, of which most is forbidden and still
computed. `varlen` is told where rows begin and computes their squares alone: on a GPU by the
flash attention that torch carries, elsewhere by torch's scaled dot product on one row at a time.

Shapes: B packs, T tokens of the longest, H heads, D of one head, N rows of all packs, L tokens of
one row.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import flash_attention_mask

from ftc_runtime.errors import StageError

VARLEN = "varlen"
PROVEN = (
    "gemma",
    "gemma3_text",
    "glm4",
    "granite",
    "llama",
    "mistral",
    "phi3",
    "qwen2",
    "qwen3",
    "qwen3_moe",
    "smollm3",
)
"""Model types whose attention `varlen` computes as transformers does; a test holds it to each."""

LARGEST_HEAD = 256
"""The flash attention that torch carries takes none wider."""


def load_options(wanted: str) -> dict[str, str]:
    """Return what transformers is told of attention while it loads a model."""
    return {} if wanted in ("auto", VARLEN) else {"attn_implementation": wanted}


def set_attention(model: PreTrainedModel, wanted: str, *, packing: bool) -> bool:
    """Set what *wanted* means for *model*, and say whether it is `varlen`.

    `auto` is `varlen` where rows are packed and it is proven, else what transformers chose.

    Raises:
        StageError: if `varlen` is wanted for a model for which it is not proven.
    """
    unproven = _unproven(model)
    if wanted == VARLEN and unproven:
        raise StageError(
            f"attn_implementation: varlen is not proven for {unproven}",
            "set attn_implementation: auto; proven are the types " + ", ".join(PROVEN),
        )
    if wanted != VARLEN and (wanted != "auto" or not packing or unproven):
        return False
    AttentionInterface.register(VARLEN, varlen_attention)
    # No mask is made, since where rows begin says it all.
    AttentionMaskInterface.register(VARLEN, flash_attention_mask)
    model.set_attn_implementation(VARLEN)
    return True


def _unproven(model: PreTrainedModel) -> str | None:
    """Say what of the model `varlen` is not proven for."""
    if model.config.model_type not in PROVEN:
        return f"models of the type {model.config.model_type}"
    return "attention with dropout" if getattr(model.config, "attention_dropout", 0) else None


def varlen_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    cu_seq_lens_q: torch.Tensor | None = None,
    max_length_q: int | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """Return causal attention within each row, BTHD, as transformers calls for it with BHTD.

    *cu_seq_lens_q* holds where each row begins among all B x T tokens, and their end: N + 1 of
    int32. *max_length_q* is the longest L.

    Raises:
        ValueError: for what it does not compute.
    """
    unknown = [name for name in ("softcap", "s_aux", "position_bias") if more.get(name) is not None]
    if unknown or dropout or attention_mask is not None or not getattr(module, "is_causal", True):
        raise ValueError(f"varlen attention is causal and has no {unknown or 'mask or dropout'}")
    if cu_seq_lens_q is None or max_length_q is None:
        raise ValueError("varlen attention has to be told where rows begin")
    packs, _, tokens, _ = query.shape
    query, key, value = (part.transpose(1, 2).flatten(0, 1) for part in (query, key, value))
    if _has_kernel(query):
        mixed = _by_kernel(
            query,
            key,
            value,
            starts=cu_seq_lens_q,
            longest=max_length_q,
            window=sliding_window,
            scale=scaling,
        )
    else:
        lengths = cu_seq_lens_q.diff().tolist()
        rows = zip(*(part.split(lengths) for part in (query, key, value)), strict=True)
        mixed = torch.cat(
            [_of_one_row(q, k, v, window=sliding_window, scale=scaling) for q, k, v in rows]
        )
    return mixed.unflatten(0, (packs, tokens)), None


def _has_kernel(query: torch.Tensor) -> bool:
    half = query.dtype in (torch.float16, torch.bfloat16)
    return query.is_cuda and half and query.shape[-1] <= LARGEST_HEAD and query.shape[-1] % 8 == 0


def _by_kernel(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    starts: torch.Tensor,
    longest: int,
    window: int | None,
    scale: float | None,
) -> torch.Tensor:
    # Not everywhere: on the path of a CPU it would only cost time to load.
    from torch.nn.attention.varlen import varlen_attn

    options: dict[str, Any] = {"scale": scale, "window_size": ((window or 0) - 1, 0)}
    if "enable_gqa" in inspect.signature(varlen_attn).parameters:
        options["enable_gqa"] = True
    mixed: torch.Tensor = varlen_attn(
        query, key, value, starts, starts, longest, longest, **options
    )
    return mixed


def _of_one_row(
    query_LHD: torch.Tensor,
    key_LHD: torch.Tensor,
    value_LHD: torch.Tensor,
    *,
    window: int | None,
    scale: float | None,
) -> torch.Tensor:
    length = len(query_LHD)
    seen_LL = None
    if window is not None and length > window:
        place_L = torch.arange(length, device=query_LHD.device)
        behind_LL = place_L[:, None] - place_L
        seen_LL = (behind_LL >= 0) & (behind_LL < window)
    query_HLD, key_HLD, value_HLD = (
        part.transpose(0, 1) for part in (query_LHD, key_LHD, value_LHD)
    )
    mixed_HLD = scaled_dot_product_attention(
        query_HLD[None],
        key_HLD[None],
        value_HLD[None],
        attn_mask=seen_LL,
        is_causal=seen_LL is None,
        scale=scale,
        enable_gqa=len(key_HLD) != len(query_HLD),
    )[0]
    return mixed_HLD.transpose(0, 1)
