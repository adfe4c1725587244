"""The safetensors writer: one file for equal tensors, and one that the library reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from ftc_runtime.models.safetensors_file import Entry, read_header, write_file

ARRAYS: dict[str, NDArray[Any]] = {
    "b": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a": np.arange(3, dtype=np.float16),
    "long": np.arange(4, dtype=np.int64),
    "none": np.zeros((0, 5), np.float32),
    "one": np.array(7.0, np.float32),
}
DTYPES = {"float32": "F32", "float16": "F16", "int64": "I64"}


def entries(names: list[str]) -> list[Entry]:
    """Return entries for the arrays, in this order."""
    arrays = {name: ARRAYS[name] for name in names}
    return [
        Entry(name, DTYPES[str(array.dtype)], array.shape, array.tobytes)
        for name, array in arrays.items()
    ]


def test_the_library_reads_what_is_written(tmp_path: Path) -> None:
    """Empty tensors and scalars included."""
    write_file(tmp_path / "a.safetensors", entries(list(ARRAYS)))

    loaded = load_file(tmp_path / "a.safetensors")

    assert loaded.keys() == ARRAYS.keys()
    assert all(np.array_equal(loaded[name], array) for name, array in ARRAYS.items())


def test_the_order_of_the_tensors_does_not_matter(tmp_path: Path) -> None:
    """Wide types come first, so that each tensor is aligned; then the name decides."""
    write_file(tmp_path / "a.safetensors", entries(["b", "a", "long", "none", "one"]))
    write_file(tmp_path / "b.safetensors", entries(["one", "none", "long", "a", "b"]))

    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert list(read_header(tmp_path / "a.safetensors")) == ["long", "b", "none", "one", "a"]


def test_the_header_is_padded_and_has_one_metadata_entry(tmp_path: Path) -> None:
    """Readers map the data, so it begins at a multiple of eight."""
    path = tmp_path / "a.safetensors"
    write_file(path, entries(["a"]))

    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")

    assert length % 8 == 0
    assert json.loads(raw[8 : 8 + length]) == {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F16", "shape": [3], "data_offsets": [0, 6]},
    }


def test_bytes_that_do_not_fit_their_shape_are_refused(tmp_path: Path) -> None:
    """A bug of the caller must not become a file."""
    with pytest.raises(ValueError, match=r"^x has 3 bytes, its shape 4$"):
        write_file(tmp_path / "a.safetensors", [Entry("x", "F32", (1,), lambda: b"abc")])


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is not a safetensors file"),
        (b"PK\3\4 a pickle in a zip", "is not a safetensors file"),
        (b"\5\0\0\0\0\0\0\0{nope", "is not a safetensors file"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: bytes, fault: str) -> None:
    """By its first bytes."""
    (tmp_path / "x.safetensors").write_bytes(content)

    with pytest.raises(ValueError, match=fault):
        read_header(tmp_path / "x.safetensors")


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    """The header says how long it should be."""
    path = tmp_path / "a.safetensors"
    write_file(path, entries(["a"]))
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(ValueError, match="cut short: it has"):
        read_header(path)
