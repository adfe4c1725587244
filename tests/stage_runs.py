"""What the tests of the stages share: a tiny model, token rows, and a stage run in its process."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.utils.logging import disable_progress_bar

from ftc_runtime.contract import SUFFIXES, Source, StageSpec, params_class
from ftc_runtime.data.rows import rows_file
from ftc_runtime.data.tokens import IGNORED, TokenRow, write_token_rows
from ftc_runtime.templates.chat import write_chat
from ftc_runtime.templates.definition import Chat


def tiny_llama(folder: Path, *, dtype: torch.dtype = torch.float32, **fields: Any) -> Path:
    """Save a model of two layers with random weights, the same ones each time."""
    torch.manual_seed(0)
    settings: dict[str, Any] = {
        "vocab_size": 128,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "tie_word_embeddings": True,
    }
    disable_progress_bar()
    model = LlamaForCausalLM(LlamaConfig(**(settings | fields))).to(dtype)
    model.save_pretrained(folder)
    return folder


def token_row(ids: list[int], labels: list[int]) -> TokenRow:
    """Return a row of these ids and labels."""
    return TokenRow(np.array(ids, np.int32), np.array(labels, np.int32))


def token_rows(path: Path, *, rows: int = 13, longest: int = 24, seed: int = 1) -> Path:
    """Write rows of random tokens of several lengths, of which the second half is trained."""
    generator = np.random.default_rng(seed)
    written = []
    for _ in range(rows):
        length = int(generator.integers(6, longest + 1))
        ids = generator.integers(0, 128, length).astype(np.int32)
        labels = ids.copy()
        labels[: length // 2] = IGNORED
        written.append(TokenRow(ids, labels))
    write_token_rows(path, written)
    return path


@dataclass
class StageRun:
    """A stage that has run: where its outputs are, and what it said."""

    outputs: dict[str, Path]
    returncode: int
    events: list[dict[str, Any]] = field(default_factory=list)
    log: str = ""
    stage: StageSpec | None = None

    @property
    def failure(self) -> tuple[str, str | None] | None:
        """Message and hint of its last event, if that is a failure."""
        last = self.events[-1] if self.events else {}
        return (last["message"], last["hint"]) if last.get("event") == "failed" else None


def stage_spec(
    kind: str,
    folder: Path,
    *,
    inputs: dict[str, Path],
    params: dict[str, Any] | None = None,
    threads: int = 1,
    source: dict[str, Any] | None = None,
    digests: dict[str, str] | None = None,
) -> StageSpec:
    """Return the spec of a stage that works under *folder*."""
    (folder / "out").mkdir(parents=True)
    (folder / "work").mkdir()
    makes, needs = params_class(kind).makes, params_class(kind).needs
    if "chat" in needs and not needs["chat"].optional and "chat" not in inputs:
        inputs = {**inputs, "chat": chat_file(folder / "chat.json", Chat())}
    return StageSpec(
        stage=f"{kind}:test",
        kind=kind,
        key="0" * 64,
        params=params or {},
        inputs=inputs,
        digests=digests or {},
        outputs={
            name: folder / "out" / (name + SUFFIXES.get(artifact, ""))
            for name, artifact in makes.items()
        },
        work=folder / "work",
        threads=threads,
        source=Source.model_validate(source) if source else None,
    )


def chat_file(path: Path, chat: Chat) -> Path:
    """Write which template a model is spoken to with."""
    write_chat(path, chat)
    return path


def run_stage(
    kind: str,
    folder: Path,
    *,
    inputs: dict[str, Path],
    params: dict[str, Any] | None = None,
    threads: int = 1,
    environment: dict[str, str] | None = None,
    source: dict[str, Any] | None = None,
    digests: dict[str, str] | None = None,
) -> StageRun:
    """Run a stage in a process of its own and return what it made and said."""
    stage = stage_spec(
        kind,
        folder,
        inputs=inputs,
        params=params,
        threads=threads,
        source=source,
        digests=digests,
    )
    spec = folder / "spec.json"
    spec.write_text(stage.model_dump_json())
    said = folder / "events.jsonl"
    with said.open("wb") as file:
        process = subprocess.run(
            [sys.executable, "-P", "-m", "ftc_runtime", str(spec)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ
            | {"FTC_EVENTS_FD": str(file.fileno()), "HF_HUB_OFFLINE": "1"}
            | (environment or {}),
            pass_fds=[file.fileno()],
            check=False,
        )
    return StageRun(
        stage.outputs,
        process.returncode,
        [json.loads(line) for line in said.read_text().splitlines()],
        process.stdout.decode(errors="replace"),
        stage,
    )


def run_here(
    kind: str,
    folder: Path,
    *,
    inputs: dict[str, Path],
    params: dict[str, Any] | None = None,
    source: dict[str, Any] | None = None,
    digests: dict[str, str] | None = None,
) -> dict[str, Path]:
    """Run a stage in this process, where imports are paid for once, and return its outputs."""
    stage = stage_spec(kind, folder, inputs=inputs, params=params, source=source, digests=digests)
    module = import_module(f"ftc_runtime.stages.{kind}.run")
    module.run(params_class(kind).model_validate(stage.params), stage)
    return stage.outputs


def digest(path: Path) -> str:
    """Return one digest of a file, or of all files of a folder with their names."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    total = hashlib.sha256()
    for file in files:
        if file.is_file():
            total.update(file.relative_to(path).as_posix().encode() + b"\0")
            total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def write_conversations(path: Path, lines: Iterable[str]) -> None:
    """Write lines of conversations as a file of rows."""
    with rows_file(path) as file:
        file.writelines(f"{line}\n" for line in lines)
