"""Each recipe is a whole project that loads, plans, and says what it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftc.plan.lower import lower
from ftc.project.load import load

RECIPES = Path(__file__).parents[2] / "recipes"
NAMES = sorted(path.parent.name for path in RECIPES.glob("*/project.yaml"))
SWEPT = [
    f"tune@lora.lora_alpha={2 * rank},lora.r={rank},training.learning_rate={rate}"
    for rank in (4, 16)
    for rate in ("0.0001", "0.0005")
]
STAGES = {
    "demo": [
        *("model:smollm2", "template:smollm2", "dataset:identity", "tokens:assistant"),
        *("sft:assistant", "merge:merged"),
        *("gguf:merged-gguf", "quantize:merged-gguf.q8_0"),
        *("predict:recall/smollm2", "score:recall/smollm2"),
        *("predict:recall/assistant", "score:recall/assistant"),
        *("predict:recall/merged-gguf.q8_0", "score:recall/merged-gguf.q8_0"),
        *("card:merged", "card:merged-gguf"),
    ],
    "lora-sft": [
        *("model:qwen", "template:qwen", "dataset:support", "tokens:assistant", "sft:assistant"),
        *("merge:merged-gguf", "gguf:merged-gguf"),
        *("quantize:merged-gguf.q4_k_m", "quantize:merged-gguf.q8_0"),
        *("predict:answers/qwen", "score:answers/qwen"),
        *("predict:answers/assistant", "score:answers/assistant"),
        "card:merged-gguf",
    ],
    "sweep": [
        *("model:smollm2", "template:smollm2", "dataset:identity", f"tokens:{SWEPT[0]}"),
        *(f"sft:{variant}" for variant in SWEPT),
        *("predict:recall/smollm2", "score:recall/smollm2"),
        *(f"{kind}:recall/{variant}" for variant in SWEPT for kind in ("predict", "score")),
    ],
}


def test_every_recipe_is_in_this_test() -> None:
    """A new one brings its stages along."""
    assert sorted(STAGES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_comes_to_these_stages(name: str) -> None:
    """Without a mistake, and without going to any network."""
    project = load(RECIPES / name / "project.yaml", {})

    plan = lower(project)

    assert list(plan.stages) == STAGES[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_short_and_explained(name: str) -> None:
    """Under 40 lines, and a README that says what it makes, what it takes, what to change."""
    text = (RECIPES / name / "project.yaml").read_text(encoding="utf-8")
    readme = (RECIPES / name / "README.md").read_text(encoding="utf-8")
    lines = readme.splitlines()

    assert text.count("\n") < 40
    assert lines[0] == f"# {name}"
    assert lines[2] and not lines[2].startswith(("#", "*"))  # `ftc init --list` shows it
    starts = [line.split("**")[1] for line in lines if line.startswith("**")]
    assert starts == ["You get", "You need", "Change first"]
    assert f"ftc init --recipe {name}" in readme
