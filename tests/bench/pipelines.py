"""A project of many stages with everything built, though nothing was trained.

What a build would leave behind is written straight into ftc's store.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from ftc.build.outputs import output_paths
from ftc.cli.workspace import Workspace, open_workspace
from ftc.plan.freshness import State, Status
from ftc.plan.stages import Plan, Stage
from ftc.store.records import Record
from ftc_runtime.contract import Artifact

STAGES_PER_CHAIN = 10
ROWS_PER_DATASET = 20


def write_project(folder: Path, *, stages: int) -> None:
    """Write chains of dataset, tokens, sft, merge, gguf, quantize, 2 predict, 2 score."""
    chains = range(max(1, stages // STAGES_PER_CHAIN))
    (folder / "base").mkdir(parents=True)
    (folder / "base" / "config.json").write_text('{"model_type": "llama"}\n', encoding="utf-8")
    (folder / "base" / "model.safetensors").write_bytes(bytes(1000))
    (folder / "data").mkdir()
    for chain in chains:
        rows = [
            {"instruction": f"What is {chain} + {row}?", "output": f"It is {chain + row}."}
            for row in range(ROWS_PER_DATASET)
        ]
        (folder / "data" / f"rows{chain}.json").write_text(json.dumps(rows), encoding="utf-8")
    sections = {
        "datasets": "d{n}: {{source: data/rows{n}.json, holdout: {{fraction: 0.2}}}}",
        "finetunes": "f{n}: {{model: base, datasets: [d{n}], lora: {{r: 16}}}}",
        "exports": "x{n}: {{model: f{n}, format: gguf, quantization: q8_0}}",
        "evals": "e{n}: {{models: [f{n}, x{n}.q8_0], dataset: d{n}.holdout}}",
    }
    lines = ["version: 1", "name: bench", "models:", "  base: {source: base}"]
    for section, item in sections.items():
        lines += [f"{section}:", *(f"  {item.format(n=chain)}" for chain in chains)]
    (folder / "project.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def fill_store(folder: Path) -> Plan:
    """Put a result for each stage into the store of the project, and return its plan."""
    os.chdir(folder)
    workspace = open_workspace()
    freshness = workspace.freshness()
    for stage in workspace.plan.stages.values():
        state = freshness.assess(stage)
        freshness.states[stage.name] = _built(workspace, stage, state)
    return workspace.plan


def _built(workspace: Workspace, stage: Stage, state: State) -> State:
    """Publish what a run of the stage would publish."""
    store = workspace.store
    assert state.key is not None and state.preimage is not None, (stage.name, state.note)
    out = store.work(state.key) / "out"
    out.mkdir(parents=True)
    outputs = {}
    for name, path in output_paths(out, stage.outputs).items():
        file = path if path.suffix else path / "content.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content(stage, name))
        outputs[name] = store.put(path)
    record = store.publish(Record(state.key, state.preimage, outputs))
    store.set_ref(workspace.owner, stage.name, state.key)
    store.forget_work(state.key)
    return State(stage.name, Status.FRESH, state.key, state.preimage, record)


def content(stage: Stage, output: str) -> bytes:
    """Return what stands in the output of a stage. Scores can be read as such."""
    if stage.outputs[output] == Artifact.SCORES:
        return json.dumps({"rouge-l": len(stage.name)}).encode()
    return f"{stage.name} {output}\n".encode() * 40
