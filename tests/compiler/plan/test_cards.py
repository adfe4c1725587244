"""Cards: what each is made from, and that nothing is made from a card."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftc.plan.lower import lower
from ftc.plan.stages import Plan
from ftc.project.load import load

PROJECT = """\
version: 1
name: forge
models:
  base: {source: "hf://org/base"}
datasets:
  rows: {source: rows.json, holdout: {fraction: 0.2}}
finetunes:
  tuned: {model: base, datasets: [rows], lora: {r: 4}}
  other: {model: base, datasets: [rows], lora: {r: 8}}
exports:
  folder: {model: tuned, format: safetensors, card: {license: mit}}
  files: {model: tuned, format: gguf, quantization: [q4_k_m, q8_0]}
  plain: {model: base, format: gguf, quantization: q8_0}
evals:
  recall: {models: [tuned, files.q8_0, other], baseline: base, dataset: rows.holdout}
  apart: {models: [other], baseline: base, dataset: rows}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """The plan of PROJECT."""
    return planned(tmp_path, PROJECT)


def planned(folder: Path, text: str) -> Plan:
    """Load and lower a project."""
    (folder / "rows.json").write_text("[]")
    (folder / "project.yaml").write_text(text)
    return lower(load(folder / "project.yaml", {}))


def inputs(plan: Plan, card: str) -> dict[str, str]:
    """Return what a card is made from."""
    return {role: f"{edge.stage} {edge.output}" for role, edge in plan.stages[card].inputs.items()}


def test_a_card_needs_the_export_its_reports_and_its_scores(plan: Plan) -> None:
    """Those of the file itself, of the adapter in it, and the baseline's beside them."""
    assert inputs(plan, "card:files") == {
        "gguf.0": "quantize:files.q4_k_m gguf",
        "gguf.1": "quantize:files.q8_0 gguf",
        "reports.0": "model:base report",
        "reports.1": "template:base report",
        "reports.2": "dataset:rows report",
        "reports.3": "tokens:tuned report",
        "curves.0": "sft:tuned curves",
        "scores.0": "score:recall/base scores",
        "scores.1": "score:recall/tuned scores",
        "scores.2": "score:recall/files.q8_0 scores",
    }
    measured = plan.stages["card:files"].params["measured"]
    assert [(one["model"], one["role"]) for one in measured] == [
        ("base", "baseline"),
        ("tuned", "finetune"),
        ("files.q8_0", "export"),
    ]


def test_a_folder_has_a_card_of_its_own(plan: Plan) -> None:
    """Without the scores of a file that was made after it."""
    found = inputs(plan, "card:folder")

    assert found["model"] == "merge:folder model"
    assert [role for role in found if role.startswith("scores")] == ["scores.0", "scores.1"]
    assert plan.stages["card:folder"].semantic["card"] == {"license": "mit"}


def test_the_steps_tell_every_setting_but_operational_ones(plan: Plan) -> None:
    """Defaults too: who reads a card does not know them."""
    steps = {step["kind"]: step for step in plan.stages["card:files"].params["steps"]}

    assert list(steps) == [
        *("model", "template", "dataset", "tokens", "sft", "merge", "gguf", "quantize")
    ]
    assert steps["model"]["source"] == "hf://org/base"
    assert steps["sft"]["settings"]["lora.r"] == 4
    assert steps["sft"]["settings"]["lora.lora_alpha"] == 16
    assert "training.per_device_train_batch_size" not in steps["sft"]["settings"]


def test_nothing_reads_a_card(plan: Plan) -> None:
    """It is a target of its own, and a build of the export runs no eval for it."""
    assert plan.targets["files.card"].links == {"README.md": ("card:files", "card")}
    assert all(
        not edge.stage.startswith("card:")
        for stage in plan.stages.values()
        for edge in stage.inputs.values()
    )
    kinds = {stage.kind for stage in plan.closure(plan.targets["files"].stages()).values()}
    assert kinds == {
        *("model", "template", "dataset", "tokens", "sft", "merge", "gguf", "quantize")
    }


def test_what_nobody_measured_has_a_card_too(plan: Plan) -> None:
    """The base model is only ever the baseline of others."""
    assert list(inputs(plan, "card:plain")) == ["gguf.0", "reports.0"]


def test_an_edited_eval_changes_its_cards_and_no_export(plan: Plan, tmp_path: Path) -> None:
    """The name of the rows stands in the card."""
    text = PROJECT.replace("baseline: base, dataset: rows.holdout", "dataset: rows.holdout")

    after = planned(tmp_path, text).stages

    changed = {
        name
        for name in plan.stages.keys() & after.keys()
        if (plan.stages[name].semantic, plan.stages[name].inputs)
        != (after[name].semantic, after[name].inputs)
    }
    assert changed == {"card:files", "card:folder"}
