"""Which files of a model are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftc_runtime.errors import StageError
from ftc_runtime.models.files import copy_file, wanted

GOOD = [
    "added_tokens.json",
    "additional_chat_templates/tools.jinja",
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "merges.txt",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
    "preprocessor_config.json",
    "qwen.tiktoken",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
]
LEFT = [
    ".gitattributes",
    "README.md",
    "consolidated.safetensors",
    "model.fp16.safetensors",
    "onnx/model.onnx",
    "original/tokenizer.model",
    "pytorch_model.bin",
    "training_args.bin",
    "tf_model.h5",
]


def test_known_files_are_taken_and_no_others() -> None:
    """Pickles, other frameworks' weights, copies in other types and folders stay."""
    assert wanted([*LEFT, *GOOD, "modeling_x.py"], code=False) == GOOD


def test_python_is_taken_when_it_may_run() -> None:
    """With trust_remote_code, and from the top folder only."""
    taken = wanted(["model.safetensors", "modeling_x.py", "scripts/run.py"], code=True)

    assert taken == ["model.safetensors", "modeling_x.py"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["config.json", "pytorch_model.bin"],
            "the weights are pickles (pytorch_model.bin), "
            "which can run any code when they are read",
        ),
        (["a.gguf", "b.gguf"], "there is no model.safetensors, but 2 GGUF files"),
        (["adapter_model.safetensors"], "it is an adapter, not a model"),
        (["config.json"], "there is no model.safetensors"),
    ],
)
def test_without_safetensors_there_is_no_model(names: list[str], message: str) -> None:
    """What there is instead is named."""
    with pytest.raises(StageError) as caught:
        wanted(names, code=True)

    assert caught.value.message == message
    assert caught.value.hint


def test_a_copy_has_the_same_content(tmp_path: Path) -> None:
    """Folders are made on the way; an empty file is a file."""
    (tmp_path / "a").write_bytes(bytes(range(256)) * 5000)
    (tmp_path / "b").write_bytes(b"")

    copy_file(tmp_path / "a", tmp_path / "x" / "a")
    copy_file(tmp_path / "b", tmp_path / "x" / "b")

    assert (tmp_path / "x" / "a").read_bytes() == (tmp_path / "a").read_bytes()
    assert (tmp_path / "x" / "b").read_bytes() == b""
