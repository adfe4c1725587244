"""What a rehearsal is for: what fails at the end of a long build fails at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from command_line import Ftc, MakeProject
from tiny_gguf import tiny_chat_model

PROJECT = """\
version: 1
name: tiny
models:
  small: {source: small}
datasets:
  sums: {source: data/sums.json, holdout: {fraction: 0.25, seed: 1}}
finetunes:
  adder:
    model: small
    dtype: float32
    datasets: [sums]
    lora: {r: 4}
    training: {num_train_epochs: 1000, global_batch_size: 4}
exports:
  file: {model: adder, format: gguf, quantization: q8_0}
"""


@pytest.fixture
def unknown_architecture(project: MakeProject, tmp_path: Path) -> Ftc:
    """A project that trains and merges, and whose model llama.cpp does not know."""
    ftc = project(PROJECT)
    folder = tiny_chat_model(tmp_path / "model")
    config = json.loads((folder / "config.json").read_bytes())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["NobodysModel"]}))
    shutil.move(folder, ftc.folder / "small")
    return ftc


def test_a_defect_of_the_export_shows_before_the_training(unknown_architecture: Ftc) -> None:
    """A training of thousands of steps is not begun; the stage and its reason are named."""
    before = unknown_architecture.states()

    done = unknown_architecture("build", "--rehearse", "file")

    assert done.returncode == 1
    assert (
        "error[stage-failed]: gguf:file: llama.cpp's converter does not know"
        " the architecture NobodysModel\n" in done.stderr
    ), done.stderr
    assert done.stderr.endswith(
        "1 failed, 1 not begun, 6 done. After mending it: ftc build --rehearse file\n"
    )
    # The base model and its template are the real ones, and here now; all else is as it was.
    real = {"model:small": "fresh", "template:small": "fresh"}
    assert unknown_architecture.states() == before | real
