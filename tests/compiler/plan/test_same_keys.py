"""What moves no key: how a project is written, where it lies, who reads it, what ftc learns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from pydantic import Field

from ftc.plan.keys import key_of, preimage
from ftc.plan.lower import lower
from ftc.project.load import load
from ftc_runtime.stages.sft.spec import Lora, Params

PROJECT = """\
version: 1
name: forge
models:
  base: {source: "scratch://llama", tokenizer: other}
  other: {source: "hf://org/name"}
datasets:
  rows: {source: rows.json, holdout: {fraction: 0.2, seed: 7}}
finetunes:
  tuned:
    model: base
    datasets: [rows]
    lora: {r: 8, lora_alpha: 16}
    training: {learning_rate: 1.0e-4, num_train_epochs: 2}
exports:
  file: {model: tuned, format: gguf, quantization: [q8_0, q4_k_m]}
"""

REWRITTEN = """\
# Another hand wrote this.
name: 'forge'
exports:
    file:
        quantization:
        - q8_0
        - q4_k_m
        format: "gguf"
        model: tuned      # the adapter
defaults:
    finetunes: {lora: {lora_alpha: 16}}
finetunes:
    tuned:
        training: {num_train_epochs: 2, learning_rate: 0.0001}
        lora: {r: 0x8}
        datasets: [rows]
        model: base
datasets: {rows: {holdout: &held {seed: 7, fraction: 2.0e-1}, source: rows.json}}
models: {other: {source: hf://org/name}, base: {tokenizer: other, source: scratch://llama}}
version: 1
"""

PRINT_KEYS = """
import json, pathlib, sys
sys.path.insert(0, sys.argv[1])
from test_same_keys import keys
print(json.dumps(keys(pathlib.Path(sys.argv[2]))))
"""


def keys(folder: Path, text: str = PROJECT) -> dict[str, str]:
    """Return the key of each stage, as if every input had the bytes that its name says."""
    (folder / "rows.json").write_text("[]")
    (folder / "project.yaml").write_text(text, encoding="utf-8")
    plan = lower(load(folder / "project.yaml", {}))
    return {
        stage.name: key_of(
            preimage(stage, {role: str(edge) for role, edge in stage.inputs.items()})
        )
        for stage in plan.stages.values()
    }


@pytest.mark.invariant(2)
def test_comments_form_and_order_move_no_key(tmp_path: Path) -> None:
    """Anchors, quotes, flow and block, numbers in another spelling, `defaults`: equal values."""
    written, rewritten = keys(tmp_path), keys(tmp_path, REWRITTEN)

    assert len(written) == 11
    assert rewritten == written


@pytest.mark.invariant(3)
def test_a_new_setting_moves_no_old_key() -> None:
    """A field that comes with a later version is left out while it has its default."""

    class LaterLora(Lora):
        use_dora: bool = Field(default=False, description="New")

    class LaterParams(Params):
        kind: ClassVar = "sft"
        lora: LaterLora = Field(default=LaterLora(), description="The adapter")
        tuning: str = Field(default="lora", description="New")

    settings: dict[str, Any] = {"lora": {"r": 4}, "training": {"seed": 1}}
    now, later = Params(**settings), LaterParams(**settings)

    assert later.semantic() == now.semantic() == settings
    assert LaterParams(lora=LaterLora(r=4, use_dora=True)).semantic() == {
        "lora": {"r": 4, "use_dora": True}
    }


@pytest.mark.invariant(5)
def test_folders_users_locales_and_hash_seeds_move_no_key(tmp_path: Path) -> None:
    """The same project in two places, read by two people."""
    found = []
    for number, locale in enumerate(("C", "C.UTF-8")):
        folder = tmp_path / ("a" * (number + 1)) / "projekt-é"
        folder.mkdir(parents=True)
        someone = {
            "HOME": str(folder),
            "USER": f"user{number}",
            "LC_ALL": locale,
            "TZ": ("UTC", "Asia/Tokyo")[number],
            "PYTHONHASHSEED": str(number),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PATH": os.environ["PATH"],
        }
        command = [sys.executable, "-c", PRINT_KEYS, str(Path(__file__).parent), str(folder)]
        answer = subprocess.run(command, env=someone, capture_output=True, text=True, check=True)
        found.append(json.loads(answer.stdout))

    assert found[0] == found[1] == keys(tmp_path)


def test_the_rewritten_project_says_the_same() -> None:
    """Else the test above would compare two projects."""
    written, rewritten = yaml.safe_load(PROJECT), yaml.safe_load(REWRITTEN)
    lora = rewritten.pop("defaults")["finetunes"]["lora"]
    rewritten["finetunes"]["tuned"]["lora"] |= lora

    assert rewritten == written
