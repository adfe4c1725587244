"""Stage `sft` with packed rows: the same training in fewer forward passes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ftc_runtime import manifest
from ftc_runtime.contract import StageSpec
from ftc_runtime.data.packing import best_fit
from ftc_runtime.data.tokens import TokenRows
from ftc_runtime.errors import StageError
from ftc_runtime.stages.sft.run import run
from ftc_runtime.stages.sft.spec import Packs, Params, Training
from ftc_runtime.training.order import RowOrder
from stage_runs import digest, run_here, stage_spec, tiny_llama, token_rows
from tiny_models import saved_model

PACKED: dict[str, Any] = {"packing": True, "max_length": 48}
WHOLE: dict[str, Any] = {"learning_rate": 0.01, "max_steps": 2, "global_batch_size": 100}
"""A step is an epoch, however the rows are put together."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny model and rows, which are eval rows too."""
    folder = tmp_path_factory.mktemp("inputs")
    rows = token_rows(folder / "train.safetensors")
    model = tiny_llama(folder / "model", initializer_range=0.2)
    return {"model": model, "train": rows, "eval": rows}


def trained(folder: Path, inputs: dict[str, Path], **params: Any) -> list[dict[str, float]]:
    """Train and return the curves."""
    outputs = run_here("sft", folder, inputs=inputs, params=params)
    return [json.loads(line) for line in outputs["curves"].read_text().splitlines()]


@pytest.fixture(scope="module")
def unpacked(
    inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, float]]:
    """The curves of rows by themselves."""
    return trained(tmp_path_factory.mktemp("unpacked") / "run", inputs, training=WHOLE)


@pytest.mark.parametrize(
    ("attention", "operational"),
    [
        ("auto", {}),
        ("varlen", {"per_device_train_batch_size": 3, "gradient_checkpointing": True}),
        ("sdpa", {"per_device_train_batch_size": 2, "gradient_checkpointing": True}),
        ("eager", {"per_device_train_batch_size": 100}),
    ],
)
def test_packed_rows_are_learnt_as_rows_by_themselves(
    attention: str,
    operational: dict[str, Any],
    inputs: dict[str, Path],
    unpacked: list[dict[str, float]],
    tmp_path: Path,
) -> None:
    """Loss, norm of the gradient and eval loss of the first step and of the next."""
    packed = trained(
        tmp_path / "run",
        inputs,
        training=WHOLE | operational,
        data=PACKED,
        attn_implementation=attention,
    )

    for point, other in zip(packed, unpacked, strict=True):
        assert point == pytest.approx(other, rel=2e-4)


def test_attention_can_be_chosen_without_packs(
    inputs: dict[str, Path], unpacked: list[dict[str, float]], tmp_path: Path
) -> None:
    """`varlen` needs no mask for padded rows either."""
    rows_apart = trained(tmp_path / "run", inputs, training=WHOLE, attn_implementation="varlen")

    for point, other in zip(rows_apart, unpacked, strict=True):
        assert point == pytest.approx(other, rel=2e-4)


def test_steps_count_packs_and_curves_count_their_tokens(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    """The seed shuffles the packs; each comes once an epoch."""
    lengths = TokenRows(inputs["train"]).lengths()
    packs = best_fit(lengths, size=48)
    order = RowOrder(len(packs), 2, seed=42)

    points = trained(
        tmp_path / "run",
        inputs,
        training={"global_batch_size": 2, "num_train_epochs": 2},
        data=PACKED,
    )

    assert [point["tokens"] for point in points] == [
        sum(int(lengths[packs[pack]].sum()) for pack in order.step(step))
        for step in range(2 * order.steps_per_epoch)
    ]


def spec(folder: Path, inputs: dict[str, Path], **training: Any) -> StageSpec:
    """Return a packed training with dropout, so that it draws random numbers at each step."""
    return stage_spec(
        "sft",
        folder,
        inputs=inputs,
        params={
            "training": {"global_batch_size": 2, "max_steps": 5, "learning_rate": 0.01, **training},
            "lora": {"lora_dropout": 0.2},
            "data": PACKED,
        },
    )


def run_stage(stage: StageSpec) -> dict[str, str]:
    """Run it here and return the digests of its outputs."""
    run(Params.model_validate(stage.params), stage)
    return {name: digest(path) for name, path in stage.outputs.items()}


def test_it_goes_on_from_a_checkpoint_to_the_same_bytes(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    """Saving changes nothing, and neither does beginning at step 3."""
    calm = run_stage(spec(tmp_path / "calm", inputs))
    saving = spec(tmp_path / "saving", inputs, save_steps=3)
    while_saving = run_stage(saving)
    resumed = spec(tmp_path / "resumed", inputs)
    shutil.copytree(saving.work / manifest.FOLDER, resumed.work / manifest.FOLDER)

    assert while_saving == calm
    assert run_stage(resumed) == calm


def test_a_rehearsal_is_one_step_on_the_fullest_pack(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    """A forward pass takes one pack unless more are asked for."""
    real = Params(training=Training(global_batch_size=6), data=Packs(**PACKED))
    small = real.rehearsed().model_dump(mode="json")

    points = trained(tmp_path / "run", inputs, **small)

    lengths = TokenRows(inputs["train"]).lengths()
    fullest = max(int(lengths[pack].sum()) for pack in best_fit(lengths, size=48))
    assert [(point["step"], point["tokens"]) for point in points] == [(1, fullest)]


def test_a_model_whose_rows_would_see_each_other_is_refused_before_the_first_step(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    """It says which, and what to set; nothing is written."""
    model = saved_model("lfm2", tmp_path / "model")

    with pytest.raises(StageError) as refused:
        trained(tmp_path / "run", inputs | {"model": model}, data=PACKED)

    assert refused.value.message.startswith(
        "rows cannot be packed for a model of the type lfm2 with sdpa attention: "
        "another row moves the loss of a token by "
    )
    assert refused.value.hint == "set data.packing: false"
    assert list((tmp_path / "run" / "out").iterdir()) == []
