"""A LoRA adapter added to the weights it was trained on, one tensor at a time.

Shapes: O out features, I in features, R rank.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from math import sqrt
from pathlib import Path
from typing import Any

import torch

from ftc_runtime.errors import StageError
from ftc_runtime.models.safetensors_file import read_header
from ftc_runtime.models.weights import LazyTensor, Weights

BLOCK_ELEMENTS = 2**18
"""Elements of a weight that are merged at once: 1 MiB of float32, which stays in the cache."""

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."

UNMERGEABLE = {
    "use_dora": "DoRA",
    "modules_to_save": "modules_to_save",
    "lora_bias": "lora_bias",
    "rank_pattern": "rank_pattern",
    "alpha_pattern": "alpha_pattern",
    "layer_replication": "layer_replication",
    "trainable_token_indices": "trainable_token_indices",
    "target_parameters": "target_parameters",
    "use_qalora": "QALoRA",
    "alora_invocation_tokens": "aLoRA",
    "arrow_config": "Arrow",
    "monteclora_config": "MonteCLoRA",
    "velora_config": "VeLoRA",
    "kasa_config": "KaSA",
    "use_bdlora": "BD-LoRA",
}
"""Fields of adapter_config.json that make more of an adapter than W + B A, and what they are."""


@dataclass(frozen=True, slots=True)
class Product:
    """What is added to one weight: scaling * B A, transposed if the layer keeps its weight so."""

    a: LazyTensor
    b: LazyTensor
    scaling: float
    transposed: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that the weight must have."""
        out_in = (self.b.shape[0], self.a.shape[1])
        return out_in[::-1] if self.transposed else out_in


def read_products(folder: Path) -> dict[str, Product]:
    """Return what the adapter of a folder adds, by the name of the weight.

    Raises:
        StageError: if it is not a LoRA adapter, or does more than add a product to a weight.
    """
    config = json.loads((folder / CONFIG).read_bytes())
    _check_mergeable(config)
    rank: int = config["r"]
    scaling = config["lora_alpha"] / (sqrt(rank) if config.get("use_rslora") else rank)
    stored = read_header(folder / WEIGHTS)
    tensors = Weights(dict.fromkeys(stored, folder / WEIGHTS), stored)
    products: dict[str, Product] = {}
    for name in tensors.names():
        module, _, part = name.removeprefix(PREFIX).rpartition(".lora_")
        if part == "A.weight" and f"{PREFIX}{module}.lora_B.weight" in tensors:
            products[f"{module}.weight"] = Product(
                a=tensors[name],
                b=tensors[f"{PREFIX}{module}.lora_B.weight"],
                scaling=scaling,
                transposed=bool(config.get("fan_in_fan_out")),
            )
        elif part != "B.weight" or f"{PREFIX}{module}.lora_A.weight" not in tensors:
            raise StageError(f"the adapter has a tensor that is no half of a LoRA pair: {name}")
    return products


def _check_mergeable(config: dict[str, Any]) -> None:
    if config.get("peft_type") != "LORA":
        raise StageError(
            f"an adapter of type {config.get('peft_type')} cannot be merged, only LORA"
        )
    unmergeable = [words for name, words in UNMERGEABLE.items() if config.get(name)]
    if config.get("bias", "none") != "none":
        unmergeable.append(f"bias: {config['bias']}")
    if unmergeable:
        raise StageError(
            f"the adapter cannot be merged tensor by tensor: it uses {', '.join(unmergeable)}",
            "train one with r, lora_alpha, target_modules and use_rslora alone",
        )


def merged_tensors(base: Weights, products: dict[str, Product]) -> Iterator[LazyTensor]:
    """Give every tensor of the base, those with a product merged when they are loaded.

    Raises:
        StageError: if the base lacks a weight that the adapter changes, or has another shape.
    """
    _check_targets(base, products)
    for tensor in base:
        if (product := products.get(tensor.name)) is None:
            yield tensor
        else:
            yield LazyTensor(
                tensor.name, tensor.dtype, tensor.shape, partial(_load_merged, tensor, product)
            )


def _check_targets(base: Weights, products: dict[str, Product]) -> None:
    missing = sorted(name for name in products if name not in base)
    if missing:
        raise StageError(
            f"the adapter changes weights that the model does not store: {', '.join(missing[:5])}",
            "an output layer tied to the embedding has no weight of its own"
            if "lm_head.weight" in missing
            else "use the model that the adapter was trained on",
        )
    for name, product in products.items():
        if base[name].shape != product.shape:
            raise StageError(
                f"{name} is {list(base[name].shape)}, but the adapter's is {list(product.shape)}",
                "use the model that the adapter was trained on",
            )


def _load_merged(weight: LazyTensor, product: Product) -> torch.Tensor:
    return merge(
        weight.load(),
        product.a.load(),
        product.b.load(),
        scaling=product.scaling,
        transposed=product.transposed,
    )


def merge(
    weight: torch.Tensor,
    a_RI: torch.Tensor,
    b_OR: torch.Tensor,
    *,
    scaling: float,
    transposed: bool = False,
) -> torch.Tensor:
    """Return the weight (OI, or IO if *transposed*) with its product added, in its own dtype.

    The sum is taken in float32 and rounded once. It is taken rank by rank with separate products
    and sums: a matrix product would be done in another order, with other roundings, on a machine
    with other vector instructions.
    """
    left = a_RI.float().T if transposed else b_OR.float()
    right = b_OR.float().T if transposed else a_RI.float()
    left = left * scaling
    merged = torch.empty_like(weight)
    rows = max(1, BLOCK_ELEMENTS // weight.shape[1])
    for start in range(0, weight.shape[0], rows):
        block = slice(start, start + rows)
        total = torch.zeros_like(weight[block], dtype=torch.float32)
        for column, row in zip(left[block].T, right, strict=True):
            total += column[:, None] * row
        merged[block] = total + weight[block].float()
    return merged
