"""Tiny models of many architectures, from a config and a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from ftc_runtime.stages.sft.spec import Lora
from ftc_runtime.training.adapter import attach_lora
from ftc_runtime.training.attention import load_options, set_attention

SIZES: dict[str, Any] = {
    "vocab_size": 128,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
HEADS: dict[str, Any] = {"head_dim": 8}
WINDOW: dict[str, Any] = {"sliding_window": 6}
EXPERTS: dict[str, Any] = {
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "shared_expert_intermediate_size": 16,
}
LINEAR: dict[str, Any] = {
    "layer_types": ["linear_attention", "full_attention"],
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 2,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
}
MAMBA: dict[str, Any] = {
    "mamba_d_ssm": 32,
    "mamba_n_heads": 4,
    "mamba_d_head": 8,
    "mamba_d_state": 4,
    "mamba_n_groups": 1,
}
FIELDS: dict[str, dict[str, Any]] = {
    "falcon_h1": HEADS | MAMBA,
    "gemma": HEADS,
    "gemma2": HEADS | WINDOW | {"query_pre_attn_scalar": 8},
    "gemma3_text": HEADS
    | WINDOW
    | {"query_pre_attn_scalar": 8, "layer_types": ["sliding_attention", "full_attention"]},
    "glm4": HEADS,
    "jamba": {"mamba_d_state": 4, "attn_layer_period": 2, "attn_layer_offset": 1, "num_experts": 2},
    "lfm2": {"layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False},
    "mistral": HEADS | WINDOW,
    "mamba": {"state_size": 4},
    "qwen3": HEADS,
    "qwen3_5_text": HEADS | LINEAR,
    "qwen3_moe": HEADS | EXPERTS,
    "qwen3_next": HEADS | LINEAR | EXPERTS,
}
"""Model type -> what it needs beside SIZES. Windows are shorter than rows."""


def tiny_model(
    model_type: str, attention: str, *, lora: Lora | None = None, **fields: Any
) -> PeftModel:
    """Return a model of two layers with an adapter that is not nothing, the same one each time."""
    model = base_model(model_type, attention, **fields)
    set_attention(model, attention, packing=True)
    adapted = attach_lora(model, lora or Lora()).model
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    return adapted


def base_model(model_type: str, attention: str, **fields: Any) -> PreTrainedModel:
    """Return a model of two layers, the same one each time."""
    torch.manual_seed(0)
    settings = {**SIZES, **FIELDS.get(model_type, {}), **fields}
    model: PreTrainedModel = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(model_type, **settings), **load_options(attention)
    )
    return model


def saved_model(model_type: str, folder: Path) -> Path:
    """Save a model of two layers and return its folder."""
    base_model(model_type, "auto").save_pretrained(folder)
    return folder
