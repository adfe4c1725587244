"""A GGUF file's metadata, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from gguf import GGUFWriter

from ftc_runtime.gguf_metadata import NoGguf, input_fields, inputs_in, read_metadata
from made_store import finish

DIGESTS = {"model": "sha256:" + "c3" * 32, "adapter": "sha256:" + "d4" * 32}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a field of each kind, as llama.cpp's own library writes it."""
    path = tmp_path / "model.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_uint32("a.count", 7)
    writer.add_float32("a.share", 0.5)
    writer.add_bool("a.truth", True)
    writer.add_array("tokenizer.ggml.tokens", ["one", "two", "ünïcode"])
    writer.add_array("tokenizer.ggml.token_type", [1, 2, 3])
    for name, text in input_fields(DIGESTS).items():
        writer.add_string(name, text)
    finish(writer)
    return path


def test_every_field_but_lists_is_read(file: Path) -> None:
    """The digests of the inputs are found again."""
    metadata = read_metadata(file)

    assert {name: value for name, value in metadata.items() if not name.startswith("ftc.")} == {
        "general.architecture": "llama",
        "a.count": 7,
        "a.share": 0.5,
        "a.truth": True,
    }
    assert inputs_in(metadata) == DIGESTS


@pytest.mark.parametrize("kept", [0, 3, 8, 23, 40, 150, 200])
def test_a_file_that_is_cut_off_is_no_gguf(file: Path, kept: int) -> None:
    """Wherever it ends within its metadata."""
    file.write_bytes(file.read_bytes()[:kept])

    with pytest.raises(NoGguf):
        read_metadata(file)


def test_a_length_that_cannot_be_is_refused_at_once(file: Path) -> None:
    """Damage in a length asks for no memory."""
    data = bytearray(file.read_bytes())
    data[24:32] = b"\xff" * 8
    file.write_bytes(data)

    with pytest.raises(NoGguf, match="cut off in its metadata"):
        read_metadata(file)
