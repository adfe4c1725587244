"""A plan and its rehearsal: the same graph, little work, other keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftc.plan.keys import key_of, preimage
from ftc.plan.lower import lower
from ftc.plan.rehearsal import rehearsal
from ftc.plan.stages import Plan, Stage
from ftc.project.load import load
from ftc.store.records import is_rehearsed

PROJECT = """\
version: 1
name: forge
models:
  base: {source: "hf://org/name"}
datasets:
  rows: {source: rows.json, holdout: {fraction: 0.2}}
finetunes:
  tuned:
    model: base
    datasets: [rows]
    eval_dataset: rows.holdout
    training: {global_batch_size: 32, warmup_ratio: 0.1, num_train_epochs: 10}
exports:
  file: {model: tuned, format: gguf, quantization: q8_0}
evals:
  recall: {models: [tuned, file], baseline: base, dataset: rows.holdout}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """The plan of PROJECT."""
    (tmp_path / "rows.json").write_text("[]")
    (tmp_path / "project.yaml").write_text(PROJECT)
    return lower(load(tmp_path / "project.yaml", {}))


def key(stage: Stage) -> str:
    """Return the key that the stage has on inputs that are always the same."""
    return key_of(preimage(stage, dict.fromkeys(stage.inputs, "sha256:0")))


def test_the_base_model_is_shared_and_all_else_is_small(plan: Plan) -> None:
    """The same stages with the same inputs; only the model and its template are the very same."""
    small = rehearsal(plan)

    assert list(small.stages) == list(plan.stages)
    assert all(small.stages[name].inputs == plan.stages[name].inputs for name in plan.stages)
    assert [name for name in plan.stages if small.stages[name] == plan.stages[name]] == [
        "model:base",
        "template:base",
    ]


def test_no_key_of_a_rehearsal_is_a_real_one(plan: Plan) -> None:
    """Not even of a stage whose settings are the same, on inputs that are the same."""
    small = rehearsal(plan)
    rehearsed = [name for name in plan.stages if name not in ("model:base", "template:base")]

    assert {key(small.stages[n]) for n in rehearsed} & {key(s) for s in plan.stages.values()} == (
        set()
    )
    assert all(is_rehearsed(preimage(small.stages[name], {})) for name in rehearsed)
    assert not any(is_rehearsed(preimage(stage, {})) for stage in plan.stages.values())


def test_a_training_is_one_step_of_one_forward_pass(plan: Plan) -> None:
    """At the peak learning rate, on as many rows as one forward pass of the real one takes."""
    params = rehearsal(plan).stages["sft:tuned"].params

    training = params["training"]
    assert params["rehearsal"] is True
    assert training["max_steps"] == 1
    assert (training["warmup_steps"], training["warmup_ratio"]) == (0, 0.0)
    assert (training["global_batch_size"], training["per_device_train_batch_size"]) == (8, 8)


def test_a_rehearsal_of_a_rehearsal_is_the_same(plan: Plan) -> None:
    """Nothing is made smaller twice."""
    small = rehearsal(plan)

    assert rehearsal(small) == small
