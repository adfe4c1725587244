"""Stage `sft`: what is trained, that it learns, and that it gives the same bytes again."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from ftc_runtime.data.tokens import IGNORED, TokenRow, TokenRows, write_token_rows
from ftc_runtime.errors import StageError
from ftc_runtime.stages.sft.spec import Params, Training
from ftc_runtime.training.order import RowOrder
from stage_runs import StageRun, digest, run_here, run_stage, tiny_llama, token_row, token_rows

TRAINING: dict[str, Any] = {"learning_rate": 0.01, "global_batch_size": 4, "num_train_epochs": 2}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model."""
    return tiny_llama(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirteen rows, so that the last step of an epoch has one."""
    return token_rows(tmp_path_factory.mktemp("rows") / "train.safetensors")


@pytest.fixture(scope="module")
def trained(model: Path, rows: Path, tmp_path_factory: pytest.TempPathFactory) -> StageRun:
    """A training with the rows as eval rows too."""
    inputs = {"model": model, "train": rows, "eval": rows}
    return run_stage(
        "sft", tmp_path_factory.mktemp("sft") / "run", inputs=inputs, params={"training": TRAINING}
    )


def curves(outputs: dict[str, Path]) -> list[dict[str, float]]:
    """Return the rows of the curves."""
    return [json.loads(line) for line in outputs["curves"].read_text().splitlines()]


def hand_loss(model: torch.nn.Module, rows: TokenRows, numbers: list[int]) -> float:
    """Return the mean loss over the label tokens of rows, one row at a time."""
    total, count = 0.0, 0
    for number in numbers:
        ids, labels = (torch.tensor(np.array(part, np.int64)) for part in rows[number])
        with torch.no_grad():
            logprobs = model(ids[None]).logits[0].log_softmax(-1)
        for place in range(1, len(ids)):
            if labels[place] != IGNORED:
                total -= logprobs[place - 1, labels[place]].item()
                count += 1
    return total / count


def test_the_first_loss_is_the_mean_over_the_label_tokens_of_the_first_step(
    model: Path, rows: Path, trained: StageRun
) -> None:
    """Over the whole global batch, not a mean of the means of its rows."""
    first_rows = RowOrder(13, 4, seed=42).epoch(0)[0]

    expected = hand_loss(
        AutoModelForCausalLM.from_pretrained(model).eval(), TokenRows(rows), first_rows
    )

    assert curves(trained.outputs)[0]["loss"] == pytest.approx(expected, abs=1e-5)


def test_the_eval_loss_is_that_of_the_adapter_over_all_label_tokens(
    model: Path, rows: Path, trained: StageRun
) -> None:
    """Taken at the end of each epoch; the last is that of the adapter that PEFT loads again."""
    base = AutoModelForCausalLM.from_pretrained(model)
    adapted = PeftModel.from_pretrained(base, str(trained.outputs["adapter"])).eval()

    expected = hand_loss(adapted, TokenRows(rows), list(range(13)))

    points = curves(trained.outputs)
    assert [point["step"] for point in points if "eval_loss" in point] == [4, 8]
    assert points[-1]["eval_loss"] == pytest.approx(expected, abs=1e-5)


def test_curves_have_every_step_with_its_rows_and_no_clock(rows: Path, trained: StageRun) -> None:
    """One row a step; tokens are those of the step's rows, without padding."""
    lengths, order = TokenRows(rows).lengths(), RowOrder(13, 4, seed=42)

    points = curves(trained.outputs)

    assert [point["tokens"] for point in points] == [
        int(lengths[order.step(step)].sum()) for step in range(8)
    ]
    assert [point["epoch"] for point in points] == [0.25 * step for step in range(1, 9)]
    assert {key for point in points for key in point} == {
        *("step", "epoch", "loss", "learning_rate", "grad_norm", "tokens", "eval_loss")
    }


def test_progress_tells_step_loss_memory_speed_and_time_left(trained: StageRun) -> None:
    """One progress event a step, up to the last."""
    progress = [event for event in trained.events if event["event"] == "progress"]

    assert [(event["done"], event["total"], event["unit"]) for event in progress] == [
        (step, 8, "step") for step in range(1, 9)
    ]
    assert list(progress[0]["values"]) == [
        *("loss", "learning_rate", "grad_norm", "memory_bytes", "tokens_per_second", "eta_s")
    ]
    # A process with PyTorch in it, on a CPU.
    assert 2**27 < progress[0]["values"]["memory_bytes"] < 2**34
    assert trained.events[-1]["event"] == "done"


def test_nothing_is_written_but_outputs_and_work(trained: StageRun) -> None:
    """No checkpoint of a training of seconds, no cache, no report of another library."""
    assert trained.stage is not None
    folder = trained.stage.work.parent

    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    assert files == {
        "spec.json",
        "events.jsonl",
        "work/heartbeats/rank-0.json",
        "out/adapter/adapter_config.json",
        "out/adapter/adapter_model.safetensors",
        "out/curves.jsonl",
    }


def test_the_adapter_names_no_path_and_its_targets_are_sorted(trained: StageRun) -> None:
    """What PEFT itself writes there differs from folder to folder and run to run."""
    config = json.loads((trained.outputs["adapter"] / "adapter_config.json").read_bytes())

    assert config["base_model_name_or_path"] is None
    assert config["target_modules"] == sorted(config["target_modules"])
    tensors = load_file(trained.outputs["adapter"] / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    assert len(tensors) == 2 * 2 * 7


def test_a_second_run_elsewhere_gives_the_same_bytes(
    model: Path, rows: Path, trained: StageRun, tmp_path: Path
) -> None:
    """Another folder, HOME and hash seed, and fewer reports in between."""
    (tmp_path / "home").mkdir()

    again = run_stage(
        "sft",
        tmp_path / "elsewhere",
        inputs={"model": model, "train": rows, "eval": rows},
        params={"training": TRAINING | {"logging_steps": 5}},
        environment={"HOME": str(tmp_path / "home"), "PYTHONHASHSEED": "77"},
    )

    assert digest(again.outputs["adapter"]) == digest(trained.outputs["adapter"])
    assert digest(again.outputs["curves"]) == digest(trained.outputs["curves"])
    assert list((tmp_path / "home").iterdir()) == []


def test_threads_change_no_more_than_the_last_bits(
    model: Path, rows: Path, trained: StageRun, tmp_path: Path
) -> None:
    """Threads split matrix products and attention, so their sums are rounded in another order."""
    again = run_stage(
        "sft",
        tmp_path / "run",
        inputs={"model": model, "train": rows, "eval": rows},
        params={"training": TRAINING},
        threads=2,
    )

    for point, other in zip(curves(trained.outputs), curves(again.outputs), strict=True):
        assert other == pytest.approx(point, rel=1e-4)


def test_rows_of_a_forward_pass_do_not_change_what_is_learnt(
    model: Path, rows: Path, trained: StageRun, tmp_path: Path
) -> None:
    """A step of 4 rows in passes of 3 and 1: equal but for the last bits of the sums."""
    operational = {"per_device_train_batch_size": 3, "gradient_checkpointing": True}

    cut = run_here(
        "sft",
        tmp_path / "run",
        inputs={"model": model, "train": rows, "eval": rows},
        params={"training": TRAINING | operational},
    )

    for point, other in zip(curves(trained.outputs), curves(cut), strict=True):
        assert other == pytest.approx(point, rel=1e-3)


def test_it_learns_two_rows_by_heart(tmp_path: Path) -> None:
    """On one batch the loss falls to a fraction."""
    model = tiny_llama(tmp_path / "model", initializer_range=0.3)
    rows = token_rows(tmp_path / "two.safetensors", rows=2)

    outputs = run_here(
        "sft",
        tmp_path / "run",
        inputs={"model": model, "train": rows},
        params={"lora": {"r": 32}, "training": {"max_steps": 40, "learning_rate": 0.01}},
    )

    losses = [point["loss"] for point in curves(outputs)]
    assert len(losses) == 40
    assert losses[-1] < losses[0] / 10


def test_a_loss_that_is_no_number_stops_it_and_names_step_and_rows(
    model: Path, rows: Path, tmp_path: Path
) -> None:
    """Training on would spoil the adapter; nothing is written."""
    training = TRAINING | {"learning_rate": 1e30, "num_train_epochs": 4}

    with pytest.raises(StageError) as caught:
        run_here(
            "sft",
            tmp_path / "run",
            inputs={"model": model, "train": rows},
            params={"training": training},
        )

    message, hint = caught.value.message, caught.value.hint
    step = int(message.split(" at step ")[1].split(",")[0])
    expected = ", ".join(map(str, sorted(RowOrder(13, 4, seed=42).step(step - 1))))
    assert message.startswith(("the loss is nan", "the norm of the gradient is "))
    assert message.endswith(f", rows {expected} of the tokens")
    assert "lower training.learning_rate" in str(hint)
    assert list((tmp_path / "run" / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ([], "there are no train rows"),
        ([token_row([1, 2], [1, IGNORED])], "no token of the 1 train rows is trained"),
        (
            [token_row([1, 500], [IGNORED, 500])],
            "the rows have token 500, but the model knows only 128",
        ),
    ],
)
def test_rows_that_cannot_be_trained_on_are_refused(
    model: Path, tmp_path: Path, written: list[TokenRow], message: str
) -> None:
    """None, none with a label that something predicts, or those of another model."""
    rows = tmp_path / "rows.safetensors"
    write_token_rows(rows, written)

    with pytest.raises(StageError) as caught:
        run_here("sft", tmp_path / "run", inputs={"model": model, "train": rows})

    assert caught.value.message == message


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (["q_proj", "wo"], "lora.target_modules names no linear layer of the model: wo"),
        (["embed_tokens"], "lora.target_modules names no linear layer of the model: embed_tokens"),
        (
            ["lm_head"],
            "lora.target_modules names lm_head, which shares its weight with the embedding",
        ),
    ],
)
def test_a_target_that_cannot_be_adapted_is_refused_with_the_names_that_exist(
    model: Path, rows: Path, tmp_path: Path, targets: list[str], message: str
) -> None:
    """PEFT would train on with the others, and say nothing."""
    with pytest.raises(StageError) as caught:
        run_here(
            "sft",
            tmp_path / "run",
            inputs={"model": model, "train": rows},
            params={"lora": {"target_modules": targets}},
        )

    assert caught.value.message == message
    assert str(caught.value.hint).endswith(
        "linear layers are down_proj, gate_proj, k_proj, lm_head, o_proj, q_proj, up_proj, v_proj"
    )


def test_named_targets_alone_are_adapted(model: Path, rows: Path, tmp_path: Path) -> None:
    """Two names over two layers make four pairs, in float32 over a bfloat16 base."""
    outputs = run_here(
        "sft",
        tmp_path / "run",
        inputs={"model": model, "train": rows},
        params={
            "lora": {"target_modules": ["v_proj", "q_proj"]},
            "training": {"max_steps": 1},
            "dtype": "bfloat16",
        },
    )

    tensors = load_file(outputs["adapter"] / "adapter_model.safetensors")
    assert {name.split(".")[6] for name in tensors} == {"q_proj", "v_proj"}
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    assert len(tensors) == 8


def test_a_rehearsal_is_one_step_on_the_longest_row(
    model: Path, rows: Path, tmp_path: Path
) -> None:
    """As often as a forward pass takes rows, so that it needs the memory that the whole needs."""
    real = Params(training=Training(global_batch_size=6, per_device_train_batch_size=3))
    small = real.rehearsed().model_dump(mode="json")

    outputs = run_here(
        "sft", tmp_path / "run", inputs={"model": model, "train": rows}, params=small
    )

    longest = int(TokenRows(rows).lengths().max())
    assert [(row["step"], row["tokens"]) for row in curves(outputs)] == [(1, 3 * longest)]
