"""Stage `card`: a whole card compared, and its bytes in two folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from stage_runs import run_here, run_stage

MODEL = {
    "architecture": "LlamaForCausalLM",
    "parameters": 134515008,
    "dtypes": {"BF16": 134515008},
    "context_length": 8192,
}
DATASET = {"rows": 60, "kept": 58, "train": 50, "holdout": 8}
TEMPLATE = {"mask": "yes", "warnings": []}
TOKENS = {
    "train": {
        "rows": 49,
        "dropped": {"overlong": {"rows": 1, "places": {"0:3": 700}}},
        "tokens": 2400,
        "trained_tokens": 900,
        "longest": 61,
    }
}
CURVES = [
    {"step": 1, "epoch": 0.5, "loss": 2.5},
    {"step": 2, "epoch": 1.0, "loss": 1.25, "eval_loss": 1.75},
]
STEPS: list[dict[str, Any]] = [
    {
        "kind": "model",
        "source": "hf://org/base",
        "settings": {"dtype": "auto"},
        "libraries": {"torch": "2.13.0"},
        "report": True,
    },
    {
        "kind": "dataset",
        "source": "data/identity.json",
        "settings": {"format": "alpaca"},
        "libraries": {},
        "report": True,
    },
    {"kind": "template", "settings": {"template": "auto"}, "libraries": {}, "report": True},
    {"kind": "tokens", "settings": {}, "libraries": {}, "report": True},
    {
        "kind": "sft",
        "settings": {"lora.r": 16, "lora.use_rslora": False, "training.learning_rate": 1e-3},
        "libraries": {"torch": "2.13.0", "peft": "0.21.2"},
        "curves": True,
    },
    {"kind": "quantize", "settings": {"quantization": "q8_0"}, "libraries": {}},
]
MEASURED = [
    {"eval": "recall", "dataset": "identity.holdout", "model": name, "role": role}
    for name, role in (("base", "baseline"), ("assistant", "finetune"), ("m.q8_0", "export"))
]
PARAMS = {
    "name": "merged-gguf",
    "files": ["q8_0.gguf"],
    "card": {
        "license": "apache-2.0",
        "language": ["en"],
        "tags": ["demo"],
        "description": "Knows its name.",
    },
    "steps": STEPS,
    "measured": MEASURED,
}
CARD = """\
---
base_model: org/base
language:
- en
library_name: gguf
license: apache-2.0
metrics:
- exact_match
- rouge
pipeline_tag: text-generation
tags:
- ftc
- sft
- lora
- gguf
- llama.cpp
- demo
base_model_relation: finetune
model-index:
- name: merged-gguf
  results:
  - task:
      type: text-generation
    dataset:
      name: identity.holdout (recall)
      type: identity.holdout
    metrics:
    - type: rouge
      value: 99.5
      name: rouge-l of m.q8_0
    - type: exact_match
      value: 98.0
      name: exact-match of m.q8_0
---

# merged-gguf

Knows its name.

org/base, fine-tuned on 50 conversations, as GGUF, for llama.cpp and Ollama. Made by ftc.

## Files

| name | bytes | digest |
| --- | --- | --- |
| `q8_0.gguf` | 12 | `sha256:aa` |

## Base model

|  |  |
| --- | --- |
| source | `hf://org/base` |
| architecture | LlamaForCausalLM |
| parameters | 134,515,008 |
| types | BF16 |
| context | 8192 |

## Data

| source | rows read | kept | to train on | held out |
| --- | --- | --- | --- | --- |
| `data/identity.json` | 60 | 58 | 50 | 8 |

49 rows of 2,400 tokens were trained on, 900 of them as answers; the longest row has 61, and 1 were left out as too long. Chat template: the base model's own.

## Training

| setting | value |
| --- | --- |
| `lora.r` | `16` |
| `lora.use_rslora` | `false` |
| `training.learning_rate` | `0.001` |

2 steps, 1 epochs: the loss was 2.5 at first and 1.25 at last; on held-out rows 1.75 at last.

## Scores

`recall`, on `identity.holdout`:

| model | rouge-l | exact-match | rows |
| --- | --- | --- | --- |
| `base`, the baseline | 10.5 | 0 | 8 |
| `assistant`, before the export | 99.75 | 100 | 8 |
| `m.q8_0` | 99.5 | 98 | 8 |

## Use

llama.cpp:

```sh
llama-cli -m q8_0.gguf -cnv
llama-server -m q8_0.gguf --port 8080   # speaks OpenAI's API
```

Ollama:

```sh
echo 'FROM ./q8_0.gguf' > Modelfile
ollama create merged-gguf -f Modelfile
ollama run merged-gguf
```

## How it was made

| stage | from | with |
| --- | --- | --- |
| model | `hf://org/base` | torch 2.13.0 |
| dataset | `data/identity.json` |  |
| template |  |  |
| tokens |  |  |
| sft |  | peft 0.21.2, torch 2.13.0 |
| quantize |  |  |

With the project.yaml and ftc.lock that it was made from, this gives the same bytes or says why not; `ftc show` tells the whole way back to the data, by digests:

```sh
ftc build --locked merged-gguf
ftc show q8_0.gguf
```
"""  # noqa: E501 - a card's paragraph is one line


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    """What stages before it would have told."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "q8_0.gguf").write_bytes(b"GGUF" + bytes(8))
    told = {"reports.0": MODEL, "reports.1": DATASET, "reports.2": TEMPLATE, "reports.3": TOKENS}
    for number, means in enumerate(((10.5, 0.0), (99.75, 100.0), (99.5, 98.0))):
        told[f"scores.{number}"] = {"rouge-l": means[0], "exact-match": means[1], "rows": 8}
    for role, value in told.items():
        (folder / role).write_text(json.dumps(value))
    (folder / "curves.0").write_text("".join(json.dumps(point) + "\n" for point in CURVES))
    roles = [*told, "curves.0"]
    return {"gguf.0": folder / "q8_0.gguf", **{role: folder / role for role in roles}}


def card(folder: Path, inputs: dict[str, Path], params: dict[str, Any]) -> str:
    """Run the stage and return the card."""
    digests = {role: "sha256:aa" for role in inputs}
    made = run_here("card", folder, inputs=inputs, params=params, digests=digests)
    return made["card"].read_text(encoding="utf-8")


def test_a_card_tells_all_that_is_known(inputs: dict[str, Path], tmp_path: Path) -> None:
    """Header, data, settings, scores beside the baseline, use, how it was made."""
    assert card(tmp_path / "run", inputs, PARAMS) == CARD


def test_a_card_tells_which_adapter_was_kept(inputs: dict[str, Path], tmp_path: Path) -> None:
    """That of the lowest eval loss, which here is not the last one."""
    points = [*CURVES, {"step": 3, "epoch": 1.5, "loss": 1.0, "eval_loss": 2.0}]
    inputs["curves.0"].write_text("".join(json.dumps(point) + "\n" for point in points))
    settings = {"training.load_best_model_at_end": True}
    steps = [step | {"settings": settings} if step["kind"] == "sft" else step for step in STEPS]

    text = card(tmp_path / "run", inputs, PARAMS | {"steps": steps})

    assert (
        "3 steps, 1.5 epochs: the loss was 2.5 at first and 1 at last; on held-out rows 2 at last. "
        "The adapter is that of step 2, the best: 1.75.\n"
    ) in text


def test_the_hub_reads_its_header(inputs: dict[str, Path], tmp_path: Path) -> None:
    """By the hub's own library: the scores are a model-index of the export alone."""
    data: Any = ModelCard(card(tmp_path / "run", inputs, PARAMS)).data

    assert data.license == "apache-2.0"
    assert data.model_name == "merged-gguf"
    assert [(one.metric_name, one.metric_value) for one in data.eval_results] == [
        ("rouge-l of m.q8_0", 99.5),
        ("exact-match of m.q8_0", 98.0),
    ]


def test_what_is_not_known_is_left_out(inputs: dict[str, Path], tmp_path: Path) -> None:
    """A base model as it is, from no hub, measured by nobody, without a word by people."""
    only = {role: inputs[role] for role in ("gguf.0", "reports.0")}
    steps = [{**STEPS[0], "source": "package://pkg/file.gguf"}, STEPS[-1]]
    params = {"name": "plain", "files": ["q8_0.gguf"], "steps": steps}

    text = card(tmp_path / "run", only, params)

    assert yaml.safe_load(text.split("---\n")[1]) == {
        "library_name": "gguf",
        "pipeline_tag": "text-generation",
        "tags": ["ftc", "gguf", "llama.cpp"],
    }
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# plain", "## Files", "## Base model", "## Use", "## How it was made",
    ]  # fmt: skip
    assert "package://pkg/file.gguf as GGUF, for llama.cpp and Ollama. Made by ftc." in text


def test_a_folder_of_safetensors_is_used_with_transformers(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    """Its size is that of all its files."""
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(bytes(1000))
    given = {role: path for role, path in inputs.items() if not role.startswith("gguf")}

    text = card(tmp_path / "run", given | {"model": model}, PARAMS | {"files": []})

    assert "library_name: transformers" in text
    assert "| `merged-gguf` | 1,002 | `sha256:aa` |" in text
    assert "from transformers import pipeline" in text
    assert "ftc show .\n" in text


def test_its_bytes_are_the_same_anywhere(inputs: dict[str, Path], tmp_path: Path) -> None:
    """Another folder, hash seed, time zone and HOME."""
    here = card(tmp_path / "run", inputs, PARAMS)

    there = run_stage(
        "card",
        tmp_path / "a" / "deeper" / "run",
        inputs=inputs,
        params=PARAMS,
        digests={role: "sha256:aa" for role in inputs},
        environment={"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "HOME": str(tmp_path)},
    )

    assert there.returncode == 0, there.log
    assert there.outputs["card"].read_text(encoding="utf-8") == here
