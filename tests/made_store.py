"""A store with the history of a GGUF file in it, without the hours that it would take."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFWriter

from ftc.plan.keys import key_of
from ftc.store.records import Record
from ftc.store.store import Store
from ftc_runtime.gguf_metadata import FORMAT, FORMAT_FIELD, input_fields

SOURCE_DIGEST = "sha256:" + hashlib.sha256(b"the base model").hexdigest()
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class MadeStore:
    """Records of stages that never ran, with real files."""

    store: Store
    records: dict[str, Record] = field(default_factory=dict)

    def add(
        self,
        name: str,
        *,
        outputs: Mapping[str, tuple[str, Path]],
        inputs: Mapping[str, str],
        spec: Mapping[str, Any] | None = None,
        **facts: Any,
    ) -> Record:
        """Publish a record. *outputs*: name -> kind of artifact, and what to put."""
        kind = name.split(":")[0]
        preimage = {
            "schema": 1,
            "kind": kind,
            "version": 1,
            "spec": dict(spec or {}),
            "inputs": dict(inputs),
            "libraries": {"torch": "2.13.0"} if kind == "merge" else {},
            "outputs": {output: artifact for output, (artifact, _) in outputs.items()},
        }
        stored = {output: self.store.put(path) for output, (_, path) in outputs.items()}
        noted = {
            "name": name,
            "reproduces": "exact",
            "host": "build-1",
            "instruction_set": "avx2",
            "threads": 2,
            "started": f"2026-11-24T10:00:{len(self.records):02}Z",
            "seconds": 1.5,
            **facts,
        }
        record = self.store.publish(Record(key_of(preimage), preimage, stored, noted))
        self.records[name] = record
        return record

    def digest(self, name: str, output: str) -> str:
        """Return the digest of an output."""
        return self.records[name].outputs[output].digest

    def path(self, name: str, output: str) -> Path:
        """Return where an output lies in the store."""
        return self.store.path(self.records[name].outputs[output])


def made_store(root: Path) -> MadeStore:
    """Return a store with a base model, merged and quantised, and its scores."""
    made = MadeStore(Store(root))
    new = root / "new"
    source: dict[str, Any] = {"uri": "hf://org/base", "path": None, "revision": COMMIT, "files": {}}
    made.add(
        "model:base",
        outputs={"model": ("model", folder(new / "base", weights="base"))},
        inputs={"source": SOURCE_DIGEST},
        source=source,
    )
    made.add(
        "merge:merged",
        outputs={"model": ("model", folder(new / "merged", weights="merged"))},
        inputs={"model": made.digest("model:base", "model")},
        spec={"max_shard_size": "1GB"},
        stage={"tensors": 2},
    )
    merged = {"model": made.digest("merge:merged", "model")}
    made.add(
        "gguf:small",
        outputs={"gguf": ("gguf", gguf(new / "whole.gguf", merged))},
        inputs=merged,
    )
    whole = {"gguf": made.digest("gguf:small", "gguf")}
    made.add(
        "quantize:small.q8_0",
        outputs={"gguf": ("gguf", gguf(new / "q8_0.gguf", {**merged, **whole}))},
        inputs=whole,
        spec={"quantization": "q8_0"},
        resumed=True,
    )
    small = {"gguf": made.digest("quantize:small.q8_0", "gguf"), "rows": "sha256:" + "0" * 64}
    made.add(
        "predict:recall/small.q8_0",
        outputs={"predictions": ("predictions", text(new / "p.jsonl", "answers\n"))},
        inputs=small,
    )
    made.add(
        "score:recall/small.q8_0",
        outputs={"scores": ("scores", text(new / "s.json", json.dumps({"rouge-l": 99.5})))},
        inputs={"predictions": made.digest("predict:recall/small.q8_0", "predictions")},
    )
    return made


def folder(path: Path, *, weights: str) -> Path:
    """Write a model's folder, of which only the weights are its own."""
    path.mkdir(parents=True)
    (path / "config.json").write_text("{}")
    (path / "tokenizer.json").write_text('{"model": "BPE"}')
    (path / "model.safetensors").write_text(weights)
    return path


def text(path: Path, content: str) -> Path:
    """Write a file."""
    path.write_text(content)
    return path


def gguf(path: Path, digests: Mapping[str, str] | None) -> Path:
    """Write a GGUF file that names its inputs; None: one that ftc has not made."""
    writer = GGUFWriter(path, "llama")
    if digests is not None:
        writer.add_uint32(FORMAT_FIELD, FORMAT)
        for name, value in input_fields(digests).items():
            writer.add_string(name, value)
    finish(writer)
    return path


def finish(writer: GGUFWriter) -> None:
    """Write a GGUF file with the fields so far, and one tensor."""
    writer.add_tensor("weight", np.zeros(8, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
