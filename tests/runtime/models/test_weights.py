"""Weights one tensor at a time: shards, types, and no more than one in memory."""

from __future__ import annotations

import json
import weakref
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ftc_runtime.errors import StageError
from ftc_runtime.models.weights import LazyTensor, open_model, parse_size, write_model
from stage_runs import digest


def lazy(name: str, tensor: torch.Tensor) -> LazyTensor:
    """Return a tensor as if it were still to be loaded."""
    return LazyTensor(name, tensor.dtype, tuple(tensor.shape), lambda: tensor)


def model() -> list[LazyTensor]:
    """Return four tensors of 400, 200, 40 and 4 bytes."""
    generator = torch.Generator().manual_seed(0)
    return [
        lazy("d", torch.randn(10, 10, generator=generator)),
        lazy("c", torch.randn(100, generator=generator).to(torch.bfloat16)),
        lazy("b", torch.arange(5)),
        lazy("a", torch.tensor(2.5)),
    ]


def test_a_small_model_is_one_file(tmp_path: Path) -> None:
    """Every tensor comes back equal, bfloat16 and scalars included."""
    paths = write_model(tmp_path, model(), max_shard_size=10**6)

    assert [path.name for path in paths] == ["model.safetensors"]
    loaded = load_file(paths[0])
    assert all(torch.equal(loaded[tensor.name], tensor.load()) for tensor in model())


def test_a_large_model_is_cut_into_shards_with_an_index(tmp_path: Path) -> None:
    """By size in the order of names; a tensor above the limit has a shard of its own."""
    write_model(tmp_path, model(), max_shard_size=250)

    index = json.loads((tmp_path / "model.safetensors.index.json").read_bytes())
    assert index == {
        "metadata": {"total_size": 644},
        "weight_map": {
            "a": "model-00001-of-00002.safetensors",
            "b": "model-00001-of-00002.safetensors",
            "c": "model-00001-of-00002.safetensors",
            "d": "model-00002-of-00002.safetensors",
        },
    }
    again = open_model(tmp_path)
    assert again.names() == ["a", "b", "c", "d"]
    assert all(torch.equal(again.load(tensor.name), tensor.load()) for tensor in model())


def test_writing_what_was_read_gives_the_same_bytes(tmp_path: Path) -> None:
    """The form is a fixed point, whatever order the tensors came in."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    write_model(tmp_path / "a", model(), max_shard_size=250)

    write_model(tmp_path / "b", reversed(list(open_model(tmp_path / "a"))), max_shard_size=250)

    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_one_tensor_is_in_memory_at_a_time(tmp_path: Path) -> None:
    """The one before is gone when the next is loaded."""
    alive: list[weakref.ref[torch.Tensor]] = []

    def load() -> torch.Tensor:
        assert not [tensor for tensor in alive if tensor() is not None]
        tensor = torch.ones(1000)
        alive.append(weakref.ref(tensor))
        return tensor

    write_model(
        tmp_path,
        [LazyTensor(name, torch.float32, (1000,), load) for name in "abcd"],
        max_shard_size=10**6,
    )

    assert len(alive) == 4


def test_a_conversion_leaves_integers_alone() -> None:
    """Position ids and masks have no other type to go to."""
    converted = [tensor.to(torch.float16) for tensor in model()]

    kinds = [torch.float16, torch.float16, torch.int64, torch.float16]
    assert [tensor.dtype for tensor in converted] == kinds
    assert [tensor.load().dtype for tensor in converted] == kinds
    assert converted[0].size == 200


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    """A half-finished download."""
    write_model(tmp_path, model(), max_shard_size=250)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()

    with pytest.raises(StageError) as caught:
        open_model(tmp_path)

    assert caught.value.message == "the model has no model-00002-of-00002.safetensors"


@pytest.mark.parametrize(
    ("text", "size"), [("5GB", 5 * 10**9), ("500MB", 5 * 10**8), ("1KiB", 1024), ("2GiB", 2**31)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    """Powers of ten without an i, powers of two with one."""
    assert parse_size(text) == size
