"""A LoRA adapter by PEFT: put on a model, and written as a folder that PEFT loads."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ftc_runtime.contract import Json
from ftc_runtime.errors import StageError
from ftc_runtime.foreign import first_line
from ftc_runtime.models.configs import write_json
from ftc_runtime.models.safetensors_file import Entry, write_file
from ftc_runtime.models.weights import FORMAT_TYPES, tensor_bytes
from ftc_runtime.stages.sft.spec import Lora
from ftc_runtime.training.merging import CONFIG, WEIGHTS


@dataclass(frozen=True, slots=True)
class Adapted:
    """A model with its adapter, and how many of its weights are trained."""

    model: PeftModel
    trained: int
    total: int


def attach_lora(model: PreTrainedModel, lora: Lora) -> Adapted:
    """Put a new adapter on *model*. Its weights are float32, whatever the type of the base.

    Raises:
        StageError: if a name in `target_modules` is that of no linear layer, or PEFT refuses one.
    """
    _check_targets(model, lora)
    config = LoraConfig(
        r=lora.r,
        lora_alpha=lora.lora_alpha,
        lora_dropout=lora.lora_dropout,
        target_modules=lora.target_modules,
        use_rslora=lora.use_rslora,
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():
        # It sets fan_in_fan_out itself for GPT-2's layers, and says so.
        warnings.filterwarnings("ignore", message="fan_in_fan_out is set to False")
        try:
            adapted = get_peft_model(model, config)
        except ValueError as error:
            raise StageError(
                f"PEFT puts no adapter on this model: {first_line(error)}",
                "name other layers in lora.target_modules",
            ) from error
    trained, total = adapted.get_nb_trainable_parameters()
    return Adapted(adapted, trained=trained, total=total)


def _check_targets(model: PreTrainedModel, lora: Lora) -> None:
    linear = {
        name for name, module in model.named_modules() if isinstance(module, nn.Linear | Conv1D)
    }
    names = ", ".join(sorted({name.rpartition(".")[2] for name in linear}))
    if lora.target_modules == "all-linear":
        if len(linear) < 2:
            raise StageError("the model has no linear layers to adapt but its output")
        return
    unknown = [word for word in lora.target_modules if not _matching(word, linear)]
    if unknown or not lora.target_modules:
        raise StageError(
            f"lora.target_modules names no linear layer of the model: {', '.join(unknown) or '[]'}",
            f"its linear layers are {names}",
        )
    output = next(
        (name for name in linear if model.get_submodule(name) is model.get_output_embeddings()), ""
    )
    tied = getattr(model.config, "tie_word_embeddings", False)
    if tied and any(_matching(word, {output}) for word in lora.target_modules):
        raise StageError(
            f"lora.target_modules names {output}, which shares its weight with the embedding",
            f"take it out: an adapter on one would change both. Its linear layers are {names}",
        )


def _matching(word: str, names: set[str]) -> set[str]:
    return {name for name in names if name == word or name.endswith(f".{word}")}


def write_adapter(model: PeftModel, folder: Path) -> None:
    """Write the adapter in one form: no path, no set in the order of its hashes."""
    folder.mkdir()
    write_weights(adapter_weights(model), folder / WEIGHTS)
    write_json(folder / CONFIG, _canonical(model.peft_config["default"]))


def adapter_weights(model: PeftModel) -> dict[str, torch.Tensor]:
    """Return the trained weights of *model*, not copied, by the names that PEFT stores."""
    weights: dict[str, torch.Tensor] = get_peft_model_state_dict(model, save_embedding_layers=False)
    return weights


def write_weights(weights: dict[str, torch.Tensor], path: Path) -> None:
    """Write weights as a safetensors file."""
    write_file(
        path,
        [
            Entry(
                name,
                FORMAT_TYPES[tensor.dtype],
                tuple(tensor.shape),
                partial(tensor_bytes, tensor.cpu()),
            )
            for name, tensor in weights.items()
        ],
    )


def _canonical(config: LoraConfig) -> dict[str, Json]:
    fields: dict[str, Json] = {
        name: sorted(value) if isinstance(value, set | list) else value
        for name, value in config.to_dict().items()
    }
    return fields | {"base_model_name_or_path": None, "inference_mode": True}
