"""Models that only lend their tokenizer to another."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftc.project.lending import lenders
from ftc.project.load import load

PROJECT = """\
version: 1
name: lending
models:
  lender: {source: models/lender}
  tiny: {source: scratch://llama, tokenizer: lender}
"""
ROWS = "datasets: {rows: {source: rows.json}}\n"
SFT = "finetunes: {sft: {model: %s, datasets: [rows]}}\n"
EVAL = "evals: {said: {models: [tiny], baseline: lender, dataset: rows, metrics: [rouge-l]}}\n"
MERGED = "exports: {merged: {model: lender, format: safetensors}}\n"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", {"lender"}),
        (ROWS + SFT % "tiny", {"lender"}),
        (ROWS + SFT % "lender", set()),
        (ROWS + EVAL, set()),
        (MERGED, set()),
    ],
)
def test_a_model_that_is_named_elsewhere_does_more_than_lend(
    tmp_path: Path, more: str, expected: set[str]
) -> None:
    """Trained, exported or measured, be it as the baseline alone, it is spoken to."""
    (tmp_path / "models/lender").mkdir(parents=True)
    (tmp_path / "models/lender/config.json").write_text("{}")
    (tmp_path / "rows.json").write_text("[]")
    (tmp_path / "project.yaml").write_text(PROJECT + more)

    project = load(tmp_path / "project.yaml", {})

    assert lenders(project.items) == expected
