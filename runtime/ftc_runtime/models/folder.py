"""A model folder brought to its final form: copied as it is, or converted to another type."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ftc_runtime import events
from ftc_runtime.contract import Json
from ftc_runtime.errors import StageError
from ftc_runtime.models.configs import read_json, without_accidents, write_json
from ftc_runtime.models.files import copy_file, is_tokenizer, is_weights, wanted

if TYPE_CHECKING:
    from ftc_runtime.models.weights import LazyTensor

SHARD_SIZE = 5 * 10**9


def take_as_it_is(source: Path, target: Path, *, code: bool) -> None:
    """Copy the known files of a model folder, byte for byte.

    Raises:
        StageError: if there are no safetensors.
    """
    names = wanted(relative_files(source), code=code)
    total = sum((source / name).stat().st_size for name in names)
    done = 0
    for name in names:
        copy_file(source / name, target / name)
        done += (source / name).stat().st_size
        events.progress(done, total, unit="byte")


def take_converted(source: Path, target: Path, *, dtype: str, code: bool) -> None:
    """Copy a model folder with its weights in another type, one tensor at a time.

    Raises:
        StageError: if the weights are quantised: their numbers mean nothing without the rest.
    """
    from ftc_runtime.models.weights import open_model

    config = read_json(source / "config.json")
    if "quantization_config" in config:
        method = config["quantization_config"].get("quant_method", "some method")
        raise StageError(
            f"the model is quantised ({method}), so its weights cannot become {dtype}",
            "Leave dtype: auto, or take the model that it was made from",
        )
    for name in wanted(relative_files(source), code=code):
        if not is_weights(name) and name != "config.json":
            copy_file(source / name, target / name)
    write_config(target / "config.json", config, dtype=dtype)
    write_weights(target, open_model(source), dtype=dtype)


def write_weights(folder: Path, tensors: Iterable[LazyTensor], *, dtype: str) -> None:
    """Write weights in a type by its name in torch, telling how far it is."""
    import torch

    from ftc_runtime.models.weights import write_model

    kind: torch.dtype = getattr(torch, dtype)
    every = [tensor.to(kind) for tensor in tensors]
    counted = [_counting(tensor, index, len(every)) for index, tensor in enumerate(every, 1)]
    write_model(folder, counted, max_shard_size=SHARD_SIZE)


def _counting(tensor: LazyTensor, index: int, total: int) -> LazyTensor:
    from dataclasses import replace

    import torch

    def load() -> torch.Tensor:
        if index % 32 == 0 or index == total:
            events.progress(index, total, unit="tensor")
        return tensor.load()

    return replace(tensor, load=load)


def write_config(path: Path, config: dict[str, Json], *, dtype: str) -> None:
    """Write a config.json in the one form of its JSON, naming the type of the weights."""
    kept = without_accidents(config)
    assert isinstance(kept, dict)
    kept.pop("torch_dtype", None)  # the older name of the same
    kept["dtype"] = dtype
    for part in kept.values():
        if isinstance(part, dict) and ("dtype" in part or "torch_dtype" in part):
            part.pop("torch_dtype", None)
            part["dtype"] = dtype
    write_json(path, kept)


def write_tokenizer_output(model: Path, target: Path) -> None:
    """Copy a model's tokenizer files and its config.json."""
    for name in relative_files(model):
        if is_tokenizer(name) or name == "config.json":
            copy_file(model / name, target / name)


def relative_files(folder: Path) -> list[str]:
    """Return the files of a folder at all depths, hidden ones left out, sorted."""
    every = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(
        path.as_posix() for path in every if not any(part.startswith(".") for part in path.parts)
    )
