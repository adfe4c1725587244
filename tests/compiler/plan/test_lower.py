"""Lowering: which stages a project comes to, and which are shared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftc.plan import cache
from ftc.plan.lower import lower
from ftc.plan.stages import Plan
from ftc.project.load import load

PROJECT = """\
version: 1
name: forge
models:
  base: {source: "scratch://llama", tokenizer: other}
  other: {source: "hf://org/name"}
datasets:
  rows: {source: rows.json, holdout: {fraction: 0.2}}
finetunes:
  low: {model: base, datasets: [rows], lora: {r: 4}}
  high:
    model: base
    datasets: [rows]
    lora: {r: 16}
exports:
  merged: {model: high, format: safetensors}
  files: {model: high, format: gguf, quantization: [q4_k_m, q8_0]}
  again: {model: merged, format: gguf, quantization: q8_0}
evals:
  recall: {models: [high, files.q8_0], baseline: base, dataset: rows.holdout}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """The plan of PROJECT."""
    return planned(tmp_path, PROJECT)


def planned(folder: Path, text: str) -> Plan:
    """Load and lower a project."""
    (folder / "rows.json").write_text("[]")
    (folder / "project.yaml").write_text(text)
    return lower(load(folder / "project.yaml", {}))


def test_the_graph_is_as_drawn(plan: Plan) -> None:
    """Equal stages are shared, under the name of the first item that needs them.

    The cards are in `test_cards.py`.
    """
    graph = {
        stage.name: {role: f"{edge.stage} {edge.output}" for role, edge in stage.inputs.items()}
        for stage in plan.stages.values()
        if stage.kind != "card"
    }

    assert graph == {
        "model:other": {},
        "model:base": {"tokenizer": "model:other tokenizer"},
        "template:base": {"tokenizer": "model:base tokenizer"},
        "dataset:rows": {},
        "tokens:low": {
            "tokenizer": "model:base tokenizer",
            "chat": "template:base chat",
            "train.0": "dataset:rows train",
        },
        "sft:low": {"model": "model:base model", "train": "tokens:low train"},
        "sft:high": {"model": "model:base model", "train": "tokens:low train"},
        "merge:merged": {"model": "model:base model", "adapter": "sft:high adapter"},
        "gguf:files": {"model": "merge:merged model"},
        "quantize:files.q4_k_m": {"gguf": "gguf:files gguf"},
        "quantize:files.q8_0": {"gguf": "gguf:files gguf"},
        "predict:recall/base": {
            "model": "model:base model",
            "chat": "template:base chat",
            "rows": "dataset:rows holdout",
        },
        "score:recall/base": {"predictions": "predict:recall/base predictions"},
        "predict:recall/high": {
            "model": "model:base model",
            "adapter": "sft:high adapter",
            "chat": "template:base chat",
            "rows": "dataset:rows holdout",
        },
        "score:recall/high": {"predictions": "predict:recall/high predictions"},
        "predict:recall/files.q8_0": {
            "gguf": "quantize:files.q8_0 gguf",
            "chat": "template:base chat",
            "rows": "dataset:rows holdout",
        },
        "score:recall/files.q8_0": {"predictions": "predict:recall/files.q8_0 predictions"},
    }


def test_every_stage_comes_after_those_it_needs(plan: Plan) -> None:
    """The order is one in which they can run."""
    names = list(plan.stages)

    for stage in plan.stages.values():
        for edge in stage.inputs.values():
            assert names.index(edge.stage) < names.index(stage.name)
            assert edge.output in plan.stages[edge.stage].outputs


def test_items_and_their_outputs_are_targets(plan: Plan) -> None:
    """The second export of the same file shows the same stage."""
    assert list(plan.targets["files"].links) == ["q4_k_m.gguf", "q8_0.gguf"]
    assert plan.targets["files.q8_0"].links == {"q8_0.gguf": ("quantize:files.q8_0", "gguf")}
    assert plan.targets["again"].links == {"q8_0.gguf": ("quantize:files.q8_0", "gguf")}
    assert plan.targets["rows.holdout"].stages() == ["dataset:rows"]
    assert plan.targets["recall"].stages() == [
        "score:recall/base",
        "predict:recall/base",
        "score:recall/high",
        "predict:recall/high",
        "score:recall/files.q8_0",
        "predict:recall/files.q8_0",
    ]


def test_libraries_follow_the_inputs_in_use(plan: Plan) -> None:
    """A prediction through llama.cpp does not depend on torch, nor the other way."""
    names = {name: set(stage.libraries) for name, stage in plan.stages.items()}

    assert names["predict:recall/base"] == {"torch", "transformers"}
    assert names["predict:recall/high"] == {"torch", "transformers", "peft"}
    assert names["predict:recall/files.q8_0"] == {"llama-cpp-python", "transformers"}


def test_what_uses_a_gpu_follows_the_inputs_in_use(plan: Plan) -> None:
    """A training does, and answering by transformers; a GGUF is answered for on the CPU."""
    using = {stage.name: stage.devices for stage in plan.stages.values() if stage.devices}

    assert using == {
        "sft:low": 1,
        "sft:high": 1,
        "predict:recall/high": 1,
        "predict:recall/base": 1,
    }


def test_what_says_nothing_to_llama_cpp_is_not_in_its_key(tmp_path: Path) -> None:
    """An eval's dtype and batch size are for transformers."""
    text = PROJECT.replace("baseline: base,", "baseline: base, dtype: float32, batch_size: 2,")

    stages = planned(tmp_path, text).stages

    assert stages["predict:recall/high"].semantic == {"dtype": "float32", "batch_size": 2}
    assert stages["predict:recall/files.q8_0"].semantic == {}


def test_settings_know_their_lines(plan: Plan) -> None:
    """Explanations point there."""
    assert plan.stages["sft:high"].lines == {"": 10, "lora": 13, "lora.r": 13}


def test_a_name_in_two_sections_takes_its_noun(tmp_path: Path) -> None:
    """`finetune:rows` and `dataset:rows`; other names stay short."""
    text = PROJECT.replace("  low:", "  rows:")

    targets = planned(tmp_path, text).targets

    assert {"dataset:rows", "finetune:rows", "high"} <= targets.keys()
    assert "rows" not in targets


def test_a_kept_plan_is_the_same_plan(plan: Plan, tmp_path: Path) -> None:
    """Written and read back; another fingerprint or half a file is no plan."""
    kept = tmp_path / "plans" / "plan.json"

    cache.save(kept, plan, "abc")

    assert cache.load(kept, "abc") == plan
    assert cache.load(kept, "abd") is None
    kept.write_text(kept.read_text()[:-20])
    assert cache.load(kept, "abc") is None


def test_what_a_plan_is_made_of_moves_its_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text, and the values of the environment that it names; nothing else of either."""
    file = tmp_path / "project.yaml"
    file.write_text("name: ${NAME}")
    monkeypatch.setenv("NAME", "a")
    first = cache.fingerprint(file)

    monkeypatch.setenv("OTHER", "b")
    assert cache.fingerprint(file) == first
    monkeypatch.setenv("NAME", "b")
    assert cache.fingerprint(file) != first
    monkeypatch.setenv("NAME", "a")
    file.write_text("name: ${NAME} ")
    assert cache.fingerprint(file) != first


def test_a_plan_is_json(plan: Plan) -> None:
    """Nothing in it needs a type of its own to be told."""
    for stage in plan.stages.values():
        assert json.loads(json.dumps(stage.params)) == stage.params


def test_variants_share_what_is_equal_and_stand_under_one_name(tmp_path: Path) -> None:
    """Two ranks have their tokens in common; each knows the name that stands for both."""
    text = PROJECT.replace("lora: {r: 4}}", "matrix: {lora.r: [4, 32]}}")

    plan = planned(tmp_path, text.replace("files: {model: high", "files: {model: low"))

    trained = [stage for stage in plan.stages.values() if stage.kind == "sft"]
    assert [stage.name for stage in trained] == [
        "sft:low@lora.r=4",
        "sft:low@lora.r=32",
        "sft:high",
    ]
    assert {stage.inputs["train"].stage for stage in trained} == {"tokens:low@lora.r=4"}
    assert [
        (target.name, target.output)
        for target in plan.targets.values()
        if target.variant_of in ("low", "files.q8_0")
    ] == [
        ("low@lora.r=4", None),
        ("low@lora.r=32", None),
        ("files@lora.r=4.q8_0", "q8_0"),
        ("files@lora.r=32.q8_0", "q8_0"),
    ]


def test_packed_rows_are_the_same_token_rows(tmp_path: Path) -> None:
    """One `tokens` stage for both; the length of a row is a reason to train anew in packs alone."""
    text = PROJECT.replace("lora: {r: 4}", "data: {packing: true}")

    plan = planned(tmp_path, text)

    assert [name for name in plan.stages if name.startswith("tokens:")] == ["tokens:low"]
    assert plan.stages["sft:low"].semantic["data"] == {"packing": True, "max_length": 2048}
    assert "data" not in plan.stages["sft:high"].semantic
    assert plan.stages["sft:low"].lines["data.packing"] == 9


def test_a_mix_belongs_to_positions_and_not_to_names(tmp_path: Path) -> None:
    """Renaming a dataset retrains nothing; shares that are as always are no shares."""
    share = "datasets: {rows: {repeat: 2}}, mix: interleave_once"
    mixed = PROJECT.replace("datasets: [rows],", f"{share},")
    other = mixed.replace("rows: {", "other: {").replace("rows.holdout", "other.holdout")
    other = other.replace("datasets: [rows]", "datasets: [other]")

    plain = planned(tmp_path, PROJECT).stages["tokens:low"]
    first = planned(tmp_path, mixed).stages["tokens:low"]
    renamed = planned(tmp_path, other).stages["tokens:low"]
    usual = planned(tmp_path, PROJECT.replace("[rows]", "{rows: {}}")).stages["tokens:low"]

    assert first.semantic == {
        **plain.semantic, "mix": "interleave_once", "shares": [{"repeat": 2}],
    }  # fmt: skip
    assert renamed.semantic == first.semantic
    assert usual.semantic == plain.semantic
