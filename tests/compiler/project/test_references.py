"""References between items."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ftc.diagnostics import ProjectError
from ftc.project.load import Project
from ftc.project.meanings import Meaning
from ftc_runtime.contract import Artifact

SCORED = (Artifact.ADAPTER, Artifact.GGUF, Artifact.MODEL)
PROJECT = """\
version: 1
name: forge
models:
  base: {source: hf://acme/base}
  tune: {source: hf://acme/tune}
datasets:
  plain: {source: data/rows.json}
  split: {source: data/rows.json, holdout: {fraction: 0.5}}
finetunes:
  tune: {model: tune, datasets: [split]}
exports:
  one: {model: base, format: gguf, quantization: q8_0}
  two: {model: finetune:tune, format: gguf, quantization: [q8_0, q4_k_m]}
"""


def test_wrong_references_are_refused(text: str, printed: str, refused: Callable[..., str]) -> None:
    """Each case of faults/references.txt prints exactly what stands there."""
    assert refused(text) == printed


@pytest.mark.parametrize(
    ("reference", "wants", "meaning"),
    [
        ("base", (Artifact.MODEL,), Meaning("models", "base", "model")),
        ("base", (Artifact.TOKENIZER,), Meaning("models", "base", "tokenizer")),
        ("plain", (Artifact.ROWS,), Meaning("datasets", "plain", "train")),
        ("split", (Artifact.ROWS,), Meaning("datasets", "split", "train")),
        ("split.holdout", (Artifact.ROWS,), Meaning("datasets", "split", "holdout")),
        ("dataset:split.train", (Artifact.ROWS,), Meaning("datasets", "split", "train")),
        ("tune", (Artifact.MODEL,), Meaning("models", "tune", "model")),
        ("tune", (Artifact.ADAPTER,), Meaning("finetunes", "tune", "adapter")),
        ("finetune:tune", SCORED, Meaning("finetunes", "tune", "adapter")),
        ("model:tune", SCORED, Meaning("models", "tune", "model")),
        ("one", SCORED, Meaning("exports", "one", "q8_0")),
        ("two.q4_k_m", SCORED, Meaning("exports", "two", "q4_k_m")),
    ],
)
def test_a_reference_means_the_first_output_that_will_do(
    reference: str, wants: tuple[Artifact, ...], meaning: Meaning, loaded: Callable[..., Project]
) -> None:
    """By the kinds of artifact that its consumer wants, the best kind first."""
    project = loaded(PROJECT)

    assert project.meaning(reference, wants) == meaning


@pytest.mark.parametrize(
    ("reference", "printed"),
    [
        (
            "tune",
            "error[ambiguous-name]: `tune` is the name of more than one thing\n"
            " = help: write `model:tune` or `finetune:tune`",
        ),
        (
            "two",
            "error[ambiguous-name]: `two` makes 2 things that would do here\n"
            " = help: write `two.q8_0` or `two.q4_k_m`",
        ),
        (
            "bass",
            "error[unknown-name]: nothing in this project is named `bass`\n"
            " = help: did you mean `base`?",
        ),
        (
            "plain",
            "error[wrong-artifact]: `this` needs a finetune, a GGUF export or a model,"
            " but `plain` is a dataset",
        ),
    ],
)
def test_what_a_reference_of_the_command_line_cannot_mean(
    reference: str, printed: str, loaded: Callable[..., Project]
) -> None:
    """`Project.meaning` refuses in the same words, without a place."""
    project = loaded(PROJECT)

    with pytest.raises(ProjectError) as raised:
        project.meaning(reference, SCORED)

    assert str(raised.value) == printed


def test_a_chain_of_a_thousand_exports_is_no_recursion(loaded: Callable[..., Project]) -> None:
    """The search for circles keeps its own stack."""
    exports = "".join(
        f"  e{number}: {{format: safetensors, model: e{number + 1}}}\n" for number in range(2_000)
    )

    project = loaded(
        "version: 1\nname: forge\nmodels:\n  base: {source: hf://acme/base}\n"
        f"exports:\n{exports}  e2000: {{format: safetensors, model: base}}\n"
    )

    assert len(project.items["exports"]) == 2_001
