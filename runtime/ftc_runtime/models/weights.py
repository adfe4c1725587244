"""A model's weights, one tensor at a time: read from a folder, written to another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path

import torch
from safetensors import safe_open

from ftc_runtime.contract import Json
from ftc_runtime.errors import StageError
from ftc_runtime.models.configs import write_json
from ftc_runtime.models.safetensors_file import Entry, Stored, read_header, write_file

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

TORCH_TYPES: dict[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
FORMAT_TYPES = {dtype: name for name, dtype in TORCH_TYPES.items()}

UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


@dataclass(frozen=True, slots=True)
class LazyTensor:
    """A tensor whose type and shape are known before *load* brings it into memory."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    load: Callable[[], torch.Tensor]

    @property
    def size(self) -> int:
        """Its bytes."""
        return int(self.dtype.itemsize) * prod(self.shape)

    def to(self, dtype: torch.dtype) -> LazyTensor:
        """Return the tensor, converted when it is loaded. Integers and masks stay as they are."""
        if not self.dtype.is_floating_point or dtype == self.dtype:
            return self
        return LazyTensor(self.name, dtype, self.shape, lambda: self.load().to(dtype))


class Weights:
    """The tensors of a model folder, by name. Nothing is in memory until `load`."""

    def __init__(self, files: dict[str, Path], stored: dict[str, Stored]) -> None:
        """*files*: name of a tensor -> the file it is in."""
        self._files = files
        self._stored = stored

    def __iter__(self) -> Iterator[LazyTensor]:
        """Give every tensor, sorted by name."""
        return (self[name] for name in self.names())

    def __getitem__(self, name: str) -> LazyTensor:
        """Return one tensor, unloaded."""
        tensor = self._stored[name]
        return LazyTensor(name, TORCH_TYPES[tensor.dtype], tensor.shape, partial(self.load, name))

    def __contains__(self, name: object) -> bool:
        """Tell whether the model has a tensor of this name."""
        return name in self._stored

    def names(self) -> list[str]:
        """Return every name, sorted."""
        return sorted(self._stored)

    def parameters(self) -> int:
        """Return the number of elements in all tensors."""
        return sum(prod(tensor.shape) for tensor in self._stored.values())

    def load(self, name: str) -> torch.Tensor:
        """Bring one tensor into memory, backed by the file's pages."""
        with safe_open(self._files[name], framework="pt") as file:
            tensor: torch.Tensor = file.get_tensor(name)
        return tensor


def open_model(folder: Path) -> Weights:
    """Return the weights of a folder in Hugging Face's layout: one file, or an index and shards.

    Raises:
        StageError: if there are no safetensors, or a shard is missing or cut short.
    """
    files: dict[str, Path] = {}
    stored: dict[str, Stored] = {}
    for path in weight_files(folder):
        try:
            tensors = read_header(path)
        except (ValueError, KeyError, TypeError) as error:
            raise StageError(
                f"{path.name} cannot be read: {error}", "Fetch the file again"
            ) from error
        for name, tensor in tensors.items():
            if tensor.dtype not in TORCH_TYPES:
                raise StageError(f"{name} in {path.name} has the type {tensor.dtype}, unknown here")
            files[name], stored[name] = path, tensor
    return Weights(files, stored)


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files that make up the model of a folder.

    Raises:
        StageError: if there are none, or the index names one that is not there.
    """
    if (folder / INDEX).is_file():
        weight_map = json.loads((folder / INDEX).read_bytes())["weight_map"]
        names = sorted(set(weight_map.values()))
    else:
        names = [WEIGHTS]
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise StageError(f"the model has no {', '.join(missing)}")
    return [folder / name for name in names]


def write_model(folder: Path, tensors: Iterable[LazyTensor], *, max_shard_size: int) -> list[Path]:
    """Write weights as model.safetensors, or as shards of *max_shard_size* bytes and an index.

    Tensors are loaded one at a time, sorted by name; one that is larger than a shard gets a shard
    of its own. Returns the weight files.
    """
    shards = _split(sorted(tensors, key=lambda tensor: tensor.name), max_shard_size)
    if len(shards) == 1:
        write_file(folder / WEIGHTS, map(_entry, shards[0]))
        return [folder / WEIGHTS]
    weight_map: dict[str, Json] = {}
    paths: list[Path] = []
    for number, shard in enumerate(shards, start=1):
        path = folder / f"model-{number:05}-of-{len(shards):05}.safetensors"
        write_file(path, map(_entry, shard))
        weight_map |= {tensor.name: path.name for tensor in shard}
        paths.append(path)
    total = sum(tensor.size for shard in shards for tensor in shard)
    write_json(folder / INDEX, {"metadata": {"total_size": total}, "weight_map": weight_map})
    return paths


def _split(tensors: list[LazyTensor], max_shard_size: int) -> list[list[LazyTensor]]:
    shards: list[list[LazyTensor]] = [[]]
    size = 0
    for tensor in tensors:
        if shards[-1] and size + tensor.size > max_shard_size:
            shards.append([])
            size = 0
        shards[-1].append(tensor)
        size += tensor.size
    return shards


def _entry(tensor: LazyTensor) -> Entry:
    return Entry(
        tensor.name, FORMAT_TYPES[tensor.dtype], tensor.shape, lambda: tensor_bytes(tensor.load())
    )


def tensor_bytes(tensor: torch.Tensor) -> memoryview:
    """Return a CPU tensor's bytes without copying a contiguous one."""
    flat = tensor.detach().contiguous().reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy())


def parse_size(text: str) -> int:
    """Return the bytes that a size such as `5GB` or `500MiB` means.

    Raises:
        ValueError: for any other text.
    """
    match = re.fullmatch(r"([1-9][0-9]*)(KB|MB|GB|KiB|MiB|GiB)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 5GB or 500MB")
    return int(match[1]) * UNITS[match[2]]
