"""Stage `gguf`: llama.cpp's converter on a tiny model with a real tokenizer."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from gguf import GGUFReader

from ftc_runtime.errors import StageError
from ftc_runtime.gguf_metadata import read_metadata
from stage_runs import StageRun, digest, run_here, run_stage
from tiny_gguf import tiny_chat_model

MODEL_DIGEST = "sha256:" + "a1" * 32


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model in bfloat16."""
    return tiny_chat_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def converted(model: Path, tmp_path_factory: pytest.TempPathFactory) -> StageRun:
    """The model, converted at its own type."""
    return run_stage(
        "gguf",
        tmp_path_factory.mktemp("gguf") / "run",
        inputs={"model": model},
        digests={"model": MODEL_DIGEST},
    )


def field(reader: GGUFReader, name: str) -> Any:
    """Return one field's value, or None."""
    found = reader.get_field(name)
    return None if found is None else found.contents()


def test_the_file_has_the_models_weights_bit_by_bit(model: Path, converted: StageRun) -> None:
    """auto keeps bfloat16; norms become float32, which holds them exactly."""
    from safetensors.torch import load_file

    assert converted.returncode == 0, converted.log
    reader = GGUFReader(converted.outputs["gguf"])
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    weights = load_file(model / "model.safetensors")

    down = torch.tensor(tensors["blk.1.ffn_down.weight"].data).view(torch.bfloat16)
    assert torch.equal(down, weights["model.layers.1.mlp.down_proj.weight"])
    assert {tensor.tensor_type.name for tensor in reader.tensors} == {"BF16", "F32"}
    assert len(tensors) == 2 + 2 * 9


def test_no_name_of_a_folder_is_in_the_file(model: Path, converted: StageRun) -> None:
    """The model is called by its type, and neither a name nor a version is guessed from paths."""
    reader = GGUFReader(converted.outputs["gguf"])

    general = {name: field(reader, name) for name in reader.fields if name.startswith("general.")}

    assert general == {
        "general.architecture": "llama",
        "general.file_type": 32,
        "general.name": "llama",
        "general.quantization_version": 2,
        "general.size_label": general["general.size_label"],
        "general.type": "model",
    }
    assert str(model.parent).encode() not in converted.outputs["gguf"].read_bytes()


def test_the_file_names_the_model_that_it_was_made_from(converted: StageRun) -> None:
    """By its digest alone: no key, no version, no name, no time."""
    metadata = read_metadata(converted.outputs["gguf"])

    ours = {name: value for name, value in metadata.items() if name.startswith("ftc.")}

    assert ours == {"ftc.format": 1, "ftc.inputs.model": MODEL_DIGEST}


def test_another_folder_and_home_give_the_same_bytes(
    model: Path, converted: StageRun, tmp_path: Path
) -> None:
    """Named like a release of someone else, from which the converter would take names."""
    other = tmp_path / "Llama-3.1-8B-Instruct-v2"
    shutil.copytree(model, other)
    (tmp_path / "home").mkdir()

    again = run_stage(
        "gguf",
        tmp_path / "deep" / "run",
        inputs={"model": other},
        digests={"model": MODEL_DIGEST},
        threads=2,
        environment={"PYTHONHASHSEED": "123", "TZ": "Asia/Tokyo", "TMPDIR": str(tmp_path / "home")},
    )

    assert digest(again.outputs["gguf"]) == digest(converted.outputs["gguf"])
    assert list((tmp_path / "home").iterdir()) == []


def test_the_template_and_special_tokens_travel_with_it(model: Path, converted: StageRun) -> None:
    """What llama.cpp and Ollama need to render a prompt."""
    reader = GGUFReader(converted.outputs["gguf"])

    assert field(reader, "tokenizer.chat_template") == (model / "chat_template.jinja").read_text()
    assert field(reader, "tokenizer.ggml.eos_token_id") == 2
    assert field(reader, "tokenizer.ggml.pre") == "smollm"


def test_progress_goes_up_to_the_whole(converted: StageRun) -> None:
    """Parsed from the converter's bar, which itself stays out of the log."""
    progress = [event["done"] for event in converted.events if event["event"] == "progress"]

    assert progress == sorted(set(progress))
    assert progress[-1] == 100
    assert "Writing:" not in converted.log
    assert converted.events[-1]["facts"]["outtype"] == "bf16"


@pytest.mark.parametrize(
    ("dtype", "outtype", "types"),
    [(torch.float32, "auto", {"F32"}), (torch.bfloat16, "f16", {"F16", "F32"})],
)
def test_the_type_is_the_models_own_or_the_one_asked_for(
    tmp_path: Path, dtype: torch.dtype, outtype: str, types: set[str]
) -> None:
    """The converter's own auto would make float16 of float32."""
    model = tiny_chat_model(tmp_path / "model", dtype=dtype)

    outputs = run_here(
        "gguf", tmp_path / "run", inputs={"model": model}, params={"outtype": outtype}
    )

    reader = GGUFReader(outputs["gguf"])
    assert {tensor.tensor_type.name for tensor in reader.tensors} == types


def test_an_architecture_that_the_converter_does_not_know_is_named(
    model: Path, tmp_path: Path
) -> None:
    """And nothing half-written is left."""
    other = tmp_path / "model"
    shutil.copytree(model, other)
    config = json.loads((other / "config.json").read_bytes())
    (other / "config.json").write_text(json.dumps(config | {"architectures": ["NobodysModel"]}))

    with pytest.raises(StageError) as caught:
        run_here("gguf", tmp_path / "run", inputs={"model": other})

    assert caught.value.message == (
        "llama.cpp's converter does not know the architecture NobodysModel"
    )
    assert caught.value.hint == "export this model with format: safetensors"
    assert list((tmp_path / "run" / "out").iterdir()) == []


def test_without_the_converter_the_way_to_it_is_said(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No stage ever downloads it."""
    monkeypatch.setattr("ftc_runtime.toolchain.converter_folder", lambda: tmp_path / "nothing")

    with pytest.raises(StageError) as caught:
        run_here("gguf", tmp_path / "run", inputs={"model": model})

    assert caught.value.message == (
        f"llama.cpp's converter is not here: {tmp_path / 'nothing'} does not exist"
    )
    assert caught.value.hint == "ftc doctor --fix"
