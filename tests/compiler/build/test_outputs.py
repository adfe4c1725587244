"""What a stage wrote, looked at before it is believed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftc.build.outputs import faults_of, output_paths

OUTPUTS = {"train": "rows", "tokens": "tokens", "gguf": "gguf", "adapter": "adapter"}


def safetensors(*, header: bytes | None = None, data: bytes = b"12345678") -> bytes:
    """Return a file with one tensor of eight bytes."""
    tensor = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    text = json.dumps({"__metadata__": {"format": "pt"}, "x": tensor}).encode()
    text = text if header is None else header
    return len(text).to_bytes(8, "little") + text + data


def write_all(folder: Path) -> dict[str, Path]:
    """Write every output as it should be."""
    paths = output_paths(folder, OUTPUTS)
    paths["train"].write_text("")
    paths["tokens"].write_bytes(safetensors())
    paths["gguf"].write_bytes(b"GGUF and so on")
    (paths["adapter"] / "below").mkdir(parents=True)
    (paths["adapter"] / "below" / "adapter_model.safetensors").write_bytes(safetensors())
    return paths


def test_outputs_as_they_should_be_have_no_fault(tmp_path: Path) -> None:
    """Rows may be none."""
    paths = write_all(tmp_path)

    assert faults_of(tmp_path, OUTPUTS) == []
    assert sorted(path.name for path in paths.values()) == [
        "adapter",
        "gguf.gguf",
        "tokens.safetensors",
        "train.jsonl",
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is cut off in its header"),
        (safetensors()[:20], "is cut off in its header"),
        (safetensors(data=b"1234"), "has 107 bytes where its header says 111"),
        (safetensors(header=b"no json"), "has no header of a safetensors file"),
        (safetensors(header=b'{"x": 1}'), "has no header of a safetensors file"),
    ],
)
def test_a_damaged_safetensors_file_is_seen(tmp_path: Path, content: bytes, fault: str) -> None:
    """As an output, and within one."""
    paths = write_all(tmp_path)
    paths["tokens"].write_bytes(content)
    (paths["adapter"] / "below" / "adapter_model.safetensors").write_bytes(content)

    assert faults_of(tmp_path, OUTPUTS) == [
        f"`tokens.safetensors` {fault}",
        f"`adapter/below/adapter_model.safetensors` {fault}",
    ]


def test_every_fault_is_named(tmp_path: Path) -> None:
    """All at once."""
    paths = write_all(tmp_path)
    paths["train"].unlink()
    paths["train"].symlink_to(paths["tokens"])
    paths["gguf"].write_bytes(b"")
    (paths["adapter"] / "below" / "adapter_model.safetensors").unlink()
    (paths["adapter"] / "below").rmdir()
    (tmp_path / "trainer_state.json").write_text("{}")

    assert faults_of(tmp_path, OUTPUTS) == [
        "`trainer_state.json` was written, which is no output of this stage",
        "`train.jsonl` is not a regular file",
        "`gguf.gguf` is no GGUF file",
        "`adapter` is an empty folder",
    ]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """Nor the other way round."""
    (tmp_path / "adapter").write_text("")
    (tmp_path / "train.jsonl").mkdir()

    assert faults_of(tmp_path, {"train": "rows", "adapter": "adapter"}) == [
        "`train.jsonl` is not a file",
        "`adapter` is not a folder",
    ]
