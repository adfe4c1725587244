"""Stage `sft`, ended in the middle: it goes on from its checkpoint, to the same bytes."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ftc_runtime import manifest
from ftc_runtime.contract import StageSpec
from ftc_runtime.errors import StageError
from ftc_runtime.stages.sft.run import run
from ftc_runtime.stages.sft.spec import Params
from stage_runs import digest, stage_spec, tiny_llama, token_rows

TRAINING: dict[str, Any] = {
    "learning_rate": 0.01,
    "global_batch_size": 4,
    "num_train_epochs": 3,
    "max_steps": 11,
}
"""Of thirteen rows, so four steps an epoch, the last of one row; eleven end within an epoch."""

ACCUMULATED = {"per_device_train_batch_size": 2}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny model and rows, which are eval rows too."""
    folder = tmp_path_factory.mktemp("inputs")
    rows = token_rows(folder / "train.safetensors")
    return {"model": tiny_llama(folder / "model"), "train": rows, "eval": rows}


def spec(folder: Path, inputs: dict[str, Path], **training: Any) -> StageSpec:
    """Return a training with dropout, so that it draws random numbers at each step."""
    params = {"training": TRAINING | training, "lora": {"lora_dropout": 0.2}}
    return stage_spec("sft", folder, inputs=inputs, params=params)


def run_stage(stage: StageSpec) -> dict[str, str]:
    """Run it here, where imports are paid for once, and return the digests of its outputs."""
    run(Params.model_validate(stage.params), stage)
    return {name: digest(path) for name, path in stage.outputs.items()}


@pytest.fixture(scope="module")
def saved(
    inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int, Path], None]:
    """Return a function that makes a working folder that of a training killed after a step."""
    stage = spec(
        tmp_path_factory.mktemp("saved") / "run", inputs, save_steps=1, save_total_limit=100
    )
    run_stage(stage)

    def killed_after(step: int, work: Path) -> None:
        folder = Path(manifest.FOLDER, f"checkpoint-{step}")
        shutil.copytree(stage.work / folder, work / folder)

    return killed_after


@pytest.fixture(scope="module")
def undisturbed(
    inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The digests of a training that saves nothing."""
    return run_stage(spec(tmp_path_factory.mktemp("undisturbed") / "run", inputs))


@pytest.mark.invariant(10)
@pytest.mark.parametrize("step", [1, 3, 4, 8, 10])
def test_it_ends_with_the_same_bytes_from_any_step(
    step: int,
    inputs: dict[str, Path],
    saved: Callable[[int, Path], None],
    undisturbed: dict[str, str],
    tmp_path: Path,
) -> None:
    """In the middle of an epoch, at its end and before the last step; adapter and curves."""
    stage = spec(tmp_path / "run", inputs)
    saved(step, stage.work)

    assert run_stage(stage) == undisturbed


@pytest.mark.parametrize("save_steps", [3, 4])
def test_it_ends_with_the_same_bytes_when_steps_are_accumulated(
    save_steps: int, inputs: dict[str, Path], tmp_path: Path
) -> None:
    """Two forward passes a step: with saving, without, and from the middle or end of an epoch."""
    calm = run_stage(spec(tmp_path / "calm", inputs, **ACCUMULATED))
    saving = spec(tmp_path / "saving", inputs, save_steps=save_steps, **ACCUMULATED)
    while_saving = run_stage(saving)
    stage = spec(tmp_path / "resumed", inputs, **ACCUMULATED)
    shutil.copytree(saving.work / manifest.FOLDER, stage.work / manifest.FOLDER)

    assert while_saving == calm
    assert run_stage(stage) == calm


def test_a_checkpoint_holds_what_is_trained_and_none_of_the_base(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    """The newest two are kept; every file is named in the manifest, and no model's."""
    stage = spec(tmp_path / "run", inputs, save_steps=2)

    run_stage(stage)

    folder = stage.work / manifest.FOLDER
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint-10", "checkpoint-8"]
    sealed = json.loads((folder / "checkpoint-10" / manifest.MANIFEST).read_text())
    assert (sealed["done"], sealed["total"], sealed["unit"]) == (10, 11, "step")
    assert sorted(sealed["files"]) == [
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
        "optimizer.pt",
        "rng_state.pth",
        "scheduler.pt",
        "trainer_state.json",
    ]
    for file in folder.rglob("*.pt*"):
        assert torch.load(file, weights_only=True) if file.name != "rng_state.pth" else True


def test_without_save_steps_it_saves_by_the_clock(
    inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the ten minutes are over after each step; the last one needs no checkpoint."""
    monkeypatch.setattr("ftc_runtime.training.checkpoints.SAVE_SECONDS", 0.0)
    stage = spec(tmp_path / "run", inputs, save_total_limit=1)

    run_stage(stage)

    assert [path.name for path in (stage.work / manifest.FOLDER).iterdir()] == ["checkpoint-10"]


def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    inputs: dict[str, Path],
    saved: Callable[[int, Path], None],
    undisturbed: dict[str, str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A flipped bit in the optimiser's state is found before it is read."""
    stage = spec(tmp_path / "run", inputs)
    saved(3, stage.work)
    saved(6, stage.work)
    state = stage.work / manifest.FOLDER / "checkpoint-6" / "optimizer.pt"
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 1
    state.write_bytes(data)

    digests = run_stage(stage)

    assert digests == undisturbed
    assert '"text": "going on from step 3 of 11"' in capfd.readouterr().err


class Running:
    """A stage in a process of its own, which can be no more than a few events ahead of us."""

    def __init__(self, stage: StageSpec, *, limits: Callable[[], None] | None = None) -> None:
        """*limits* is called in the process before it begins."""
        file = stage.work.parent / "spec.json"
        file.write_text(stage.model_dump_json())
        events, say = os.pipe()
        # The smallest pipe there is: who is not read from waits.
        fcntl.fcntl(say, fcntl.F_SETPIPE_SZ, 4096)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ftc_runtime", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"FTC_EVENTS_FD": str(say), "HF_HUB_OFFLINE": "1"},
            pass_fds=[say],
            preexec_fn=limits,
        )
        os.close(say)
        self._events = os.fdopen(events)

    def events(self) -> Iterator[dict[str, Any]]:
        """Give what it says, as it does."""
        return (json.loads(line) for line in self._events)

    def wait_for_step(self, step: int) -> None:
        """Read until the step is done."""
        next(event for event in self.events() if event.get("done") == step)

    def end(self) -> tuple[int, list[dict[str, Any]]]:
        """Return its exit code and what it still said."""
        said = list(self.events())
        return self.process.wait(), said


def test_killed_with_9_a_process_goes_on_in_the_next(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    """Real processes from begin to end, against a third that nobody killed."""
    training = {"max_steps": 40, "save_steps": 3}
    stage = spec(tmp_path / "run", inputs, **training)
    killed = Running(stage)
    killed.wait_for_step(7)
    killed.process.kill()
    killed.end()
    shutil.rmtree(stage.work.parent / "out")
    (stage.work.parent / "out").mkdir()

    code, said = Running(stage).end()

    assert code == 0
    (resumed,) = [event for event in said if event["event"] == "resumed"]
    assert resumed["done"] >= 6 and resumed["done"] % 3 == 0
    progress = [event for event in said if event["event"] == "progress"]
    assert [event["done"] for event in progress] == list(range(resumed["done"] + 1, 41))
    # The time that is left follows from the steps of this try alone.
    left = progress[0]["values"]["eta_s"]
    assert 0 < left < 60
    calm = run_stage(spec(tmp_path / "calm", inputs, **training))
    assert {name: digest(path) for name, path in stage.outputs.items()} == calm


def test_sigterm_saves_at_the_end_of_the_step(inputs: dict[str, Path], tmp_path: Path) -> None:
    """It says how long that takes, ends by the signal, and the next try goes on from there."""
    stage = spec(tmp_path / "run", inputs, max_steps=60)
    running = Running(stage)
    running.wait_for_step(5)

    running.process.send_signal(signal.SIGTERM)
    code, said = running.end()

    assert code == -signal.SIGTERM
    (stopping,) = [event for event in said if event["event"] == "stopping"]
    steps = [event["done"] for event in said if event["event"] == "progress"]
    saved = manifest.newest_whole(stage.work)
    assert saved is not None and saved.done == steps[-1] < 60
    assert stopping["what"] == f"step {saved.done} of 60"
    assert 0 < stopping["seconds"] < 30


def test_a_full_disk_keeps_the_checkpoint_before_and_says_what_it_takes(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    """A real file system with room for a few; with more room the same stage goes on."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=420k", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root may mount a disk that is full")
    try:
        stage = spec(disk / "run", inputs, save_steps=2, save_total_limit=9)
        with pytest.raises(StageError) as caught:
            run_stage(stage)
        left = sorted(path.name for path in (stage.work / manifest.FOLDER).iterdir())
        room = ["mount", "-o", "remount,size=8m", str(disk)]
        subprocess.run(room, check=True)
        digests = run_stage(stage)
    finally:
        subprocess.run(["umount", str(disk)], check=True)

    assert caught.value.message.startswith("the disk is full: to save step 6 takes 0.1 MiB, 0.")
    assert caught.value.message.endswith(f" are free in {stage.work / manifest.FOLDER}")
    assert caught.value.hint == "make room for 0.1 MiB there"
    assert left == ["checkpoint-2", "checkpoint-4"]
    assert digests == run_stage(spec(tmp_path / "calm", inputs))


def test_a_file_that_may_not_grow_is_told_with_its_folder(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    """A limit of the shell, say; what was half written is gone."""
    stage = spec(tmp_path / "run", inputs, save_steps=2)

    code, said = Running(
        stage, limits=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    ).end()

    folder = stage.work / manifest.FOLDER
    assert code == 1
    assert said[-1]["message"] == f"step 2 could not be saved in {folder}: File too large"
    assert said[-1]["hint"] == "a checkpoint takes 0.1 MiB; see what limits files there"
    assert list(folder.iterdir()) == []
