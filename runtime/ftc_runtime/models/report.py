"""What a model folder is, read from its files without loading it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from ftc_runtime.contract import Json
from ftc_runtime.models.configs import read_json
from ftc_runtime.models.files import is_code
from ftc_runtime.models.folder import relative_files
from ftc_runtime.models.safetensors_file import Stored, read_header


@dataclass(frozen=True, slots=True)
class ModelReport:
    """The facts of a model. *bytes* are those of the weight files."""

    architecture: str
    model_type: str
    parameters: int
    dtypes: dict[str, int]
    """Type by safetensors' name -> parameters in it."""
    vocab_size: int
    context_length: int | None
    chat_template: bool
    bytes: int
    files: dict[str, int]
    warnings: list[str] = field(default_factory=list)

    def json(self) -> Json:
        """Return it as JSON."""
        return {
            "architecture": self.architecture,
            "model_type": self.model_type,
            "parameters": self.parameters,
            "dtypes": dict(self.dtypes),
            "vocab_size": self.vocab_size,
            "context_length": self.context_length,
            "chat_template": self.chat_template,
            "bytes": self.bytes,
            "files": dict(self.files),
            "warnings": list(self.warnings),
        }


def report(folder: Path, warnings: list[str]) -> ModelReport:
    """Return what a model folder is, with *warnings* and those that its files give rise to."""
    config = read_json(folder / "config.json")
    text = config.get("text_config") or config
    sizes = {name: (folder / name).stat().st_size for name in relative_files(folder)}
    weights = [name for name in sizes if name.endswith(".safetensors")]
    stored = [tensor for name in weights for tensor in read_header(folder / name).values()]
    dtypes: dict[str, int] = {}
    for tensor in stored:
        dtypes[tensor.dtype] = dtypes.get(tensor.dtype, 0) + prod(tensor.shape)
    template = has_chat_template(folder)
    return ModelReport(
        architecture=(config.get("architectures") or ["unknown"])[0],
        model_type=str(config.get("model_type", "unknown")),
        parameters=sum(dtypes.values()),
        dtypes=dict(sorted(dtypes.items())),
        vocab_size=int(text.get("vocab_size", 0)),
        context_length=text.get("max_position_embeddings"),
        chat_template=template,
        bytes=sum(sizes[name] for name in weights),
        files=sizes,
        warnings=warnings + _warnings(config, sizes, stored, template=template),
    )


def has_chat_template(folder: Path) -> bool:
    """Tell whether a tokenizer folder carries a chat template, in any of its three places."""
    if (folder / "chat_template.jinja").is_file() or (folder / "chat_template.json").is_file():
        return True
    config = folder / "tokenizer_config.json"
    return config.is_file() and bool(json.loads(config.read_bytes()).get("chat_template"))


def _warnings(
    config: dict[str, Any], sizes: dict[str, int], stored: list[Stored], *, template: bool
) -> list[str]:
    found: list[str] = []
    if not template:
        found.append("it has no chat template: it is a base model, or its tokenizer is incomplete")
    if "auto_map" in config and not any(is_code(name) for name in sizes):
        found.append("it names Python of its own, which trust_remote_code: true would take along")
    if not any(name.startswith("tokenizer") for name in sizes):
        found.append("it has no tokenizer")
    if not stored:
        found.append("it has no weights")
    return found
