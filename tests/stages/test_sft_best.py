"""Stage `sft`, watched by its eval loss: it stops early and keeps the best adapter."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ftc_runtime import manifest
from ftc_runtime.stages.sft.run import run
from ftc_runtime.stages.sft.spec import Params
from stage_runs import digest, run_here, stage_spec, tiny_llama, token_rows

TRAINING: dict[str, Any] = {
    "learning_rate": 0.02,
    "lr_scheduler_type": "constant",
    "global_batch_size": 4,
    "max_steps": 30,
    "eval_strategy": "steps",
    "eval_steps": 2,
    "early_stopping_patience": 3,
    "save_steps": 1,
    "save_total_limit": 1,
}
"""On rows of random tokens that say nothing of the eval rows: these soon get worse."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny model, and eval rows that are other ones."""
    folder = tmp_path_factory.mktemp("inputs")
    return {
        "model": tiny_llama(folder / "model"),
        "train": token_rows(folder / "train.safetensors"),
        "eval": token_rows(folder / "eval.safetensors", seed=2),
    }


def train(folder: Path, inputs: dict[str, Path], **training: Any) -> dict[str, Path]:
    """Train with dropout under *folder* and return the outputs."""
    params = {"training": TRAINING | training, "lora": {"lora_dropout": 0.1}}
    return run_here("sft", folder, inputs=inputs, params=params)


def measured(outputs: dict[str, Path]) -> dict[int, float]:
    """Return the eval losses of the curves by step."""
    points = [json.loads(line) for line in outputs["curves"].read_text().splitlines()]
    return {point["step"]: point["eval_loss"] for point in points if "eval_loss" in point}


@pytest.fixture(scope="module")
def last(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A training that stops early and keeps its last adapter."""
    return train(tmp_path_factory.mktemp("last") / "run", inputs)


@pytest.fixture(scope="module")
def best(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the same training, of which the best adapter is kept."""
    folder = tmp_path_factory.mktemp("best") / "run"
    train(folder, inputs, load_best_model_at_end=True)
    return folder


def test_it_stops_once_the_patience_is_over(last: dict[str, Path]) -> None:
    """Three measurements, two steps apart, were no better than the best one before."""
    losses = measured(last)
    steps = list(losses)

    assert steps == list(range(2, steps[-1] + 1, 2))
    assert min(losses, key=losses.__getitem__) == steps[-1] - 6 < 24


def test_the_best_adapter_is_that_of_a_training_that_ends_there(
    inputs: dict[str, Path], best: Path, last: dict[str, Path], tmp_path: Path
) -> None:
    """To the byte, though but one checkpoint was kept; the curves are those of the whole."""
    losses = measured(last)
    step = min(losses, key=losses.__getitem__)

    until = train(tmp_path / "run", inputs, max_steps=step)

    assert digest(best / "out" / "adapter") == digest(until["adapter"]) != digest(last["adapter"])
    assert digest(best / "out" / "curves.jsonl") == digest(last["curves"])
    (newest,) = (best / "work" / manifest.FOLDER).iterdir()
    assert newest.name == f"checkpoint-{step + 5}"


def test_resumed_it_stops_at_the_same_step_with_the_same_adapter(
    inputs: dict[str, Path], best: Path, tmp_path: Path
) -> None:
    """From the last step but one: the patience and the best weights are in the checkpoint."""
    params = {
        "training": TRAINING | {"load_best_model_at_end": True}, "lora": {"lora_dropout": 0.1}
    }  # fmt: skip
    stage = stage_spec("sft", tmp_path / "run", inputs=inputs, params=params)
    shutil.copytree(best / "work" / manifest.FOLDER, stage.work / manifest.FOLDER)

    run(Params.model_validate(params), stage)

    assert {name: digest(path) for name, path in stage.outputs.items()} == {
        "adapter": digest(best / "out" / "adapter"),
        "curves": digest(best / "out" / "curves.jsonl"),
    }


def test_without_a_strategy_nothing_is_measured(inputs: dict[str, Path], tmp_path: Path) -> None:
    """`eval_strategy: no`, in spite of eval rows."""
    training = {
        "eval_strategy": "no", "eval_steps": None, "early_stopping_patience": None, "max_steps": 4
    }  # fmt: skip

    assert measured(train(tmp_path / "run", inputs, **training)) == {}
