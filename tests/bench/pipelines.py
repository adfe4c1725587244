"""One pipeline twice: a project of ftc's with everything built, and the same shape for DVC.

Nothing is trained. What a build would leave behind is written straight into ftc's store and into
dvc.lock, so that `status` of either finds every stage up to date.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ftc.build.outputs import output_paths
from ftc.cli.workspace import Workspace, open_workspace
from ftc.plan.freshness import State, Status
from ftc.plan.stages import Plan, Stage
from ftc.store.records import Record

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
        file.write_bytes(_content(stage, name))
        outputs[name] = store.put(path)
    record = store.publish(Record(state.key, state.preimage, outputs))
    store.set_ref(workspace.owner, stage.name, state.key)
    store.forget_work(state.key)
    return State(stage.name, Status.FRESH, state.key, state.preimage, record)


def _content(stage: Stage, output: str) -> bytes:
    return f"{stage.name} {output}\n".encode() * 40


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as dvc.lock has it."""

    path: str
    md5: str
    size: int


def write_dvc(folder: Path, plan: Plan) -> None:
    """Write dvc.yaml, dvc.lock, the files and DVC's cache for the same stages.

    Each output is one file, also where ftc's is a folder: that is the lighter case for DVC.
    The folder has been `dvc init`-ed.
    """
    inputs: dict[str, Entry] = {}
    for file in _sources(plan):
        inputs[file] = _put(folder, file, (plan.root / file).read_bytes(), cached=False)
    described, locked = {}, {}
    for stage in plan.stages.values():
        needs = [_file(edge.stage, edge.output) for edge in stage.inputs.values()]
        if stage.source is not None:
            needs += [file for file in _sources(plan) if file.startswith(stage.source.uri)]
        deps = [inputs[file] for file in dict.fromkeys(needs)]
        outs = [
            _put(folder, _file(stage.name, name), _content(stage, name), cached=True)
            for name in stage.outputs
        ]
        inputs |= {entry.path: entry for entry in outs}
        name = stage.name.replace(":", "-").replace(".", "-").replace("/", "-")
        command = f"run {stage.kind} '{json.dumps(stage.semantic, sort_keys=True)}'"
        described[name] = {
            "cmd": command,
            "deps": [entry.path for entry in deps],
            "outs": [entry.path for entry in outs],
        }
        locked[name] = {"cmd": command, "deps": _locked(deps), "outs": _locked(outs)}
    # JSON is YAML.
    text = json.dumps({"stages": described}, indent=1)
    (folder / "dvc.yaml").write_text(text, encoding="utf-8")
    text = json.dumps({"schema": "2.0", "stages": locked}, indent=1)
    (folder / "dvc.lock").write_text(text, encoding="utf-8")


def _sources(plan: Plan) -> Iterator[str]:
    yield from ("base/config.json", "base/model.safetensors")
    for stage in plan.stages.values():
        if stage.kind == "dataset" and stage.source is not None:
            yield stage.source.uri


def _file(stage: str, output: str) -> str:
    return f"made/{stage.replace(':', '/').replace('.', '-')}/{output}"


def _put(folder: Path, name: str, content: bytes, *, cached: bool) -> Entry:
    """Write a file, and where it is an output also into DVC's cache."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    if cached:
        blob = folder / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(content)
        blob.chmod(0o444)
    return Entry(name, md5, len(content))


def _locked(entries: list[Entry]) -> list[dict[str, str | int]]:
    return [
        {"path": entry.path, "hash": "md5", "md5": entry.md5, "size": entry.size}
        for entry in entries
    ]
