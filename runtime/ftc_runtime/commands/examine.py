"""Command `examine`: what a model is, whether it can be trained on, and what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ftc_runtime import events
from ftc_runtime.contract import Examine, Json
from ftc_runtime.engines.greedy import greedy_folder, greedy_gguf
from ftc_runtime.errors import StageError
from ftc_runtime.models.folder import relative_files
from ftc_runtime.models.gguf_source import examine_gguf, gguf_tokenizer
from ftc_runtime.models.machine import memory
from ftc_runtime.models.report import ModelReport, report
from ftc_runtime.models.tokenizer import load_tokenizer
from ftc_runtime.sources.repository import digest_of
from ftc_runtime.templates.auto import AutoTemplate
from ftc_runtime.templates.encoding import Encoder

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PROMPT = "The capital of France is"
NEW_TOKENS = 8


def run(command: Examine) -> Json:
    """Return what was found, by the words under which it is shown."""
    path = _model(command.model)
    is_gguf = path.is_file()
    events.phase("reading the files")
    facts = examine_gguf(path) if is_gguf else report(path, [])
    events.phase("loading the tokenizer")
    tokenizer, fault = _tokenizer(path)
    events.phase("loading the model")
    return {
        "architecture": facts.architecture,
        "parameters": facts.parameters,
        "dtypes": dict(facts.dtypes),
        "context_length": facts.context_length,
        "tokenizer": _tokenizer_facts(tokenizer) if tokenizer else fault,
        "chat_template": facts.chat_template,
        "template_auto": _template_auto(tokenizer) if tokenizer else fault,
        "memory": memory(facts.bytes),
        "continues": _continuation(path, facts),
        "converter": "not needed, it is GGUF" if is_gguf else _converter(facts),
        "files": _files(path),
        "warnings": list(facts.warnings),
    }


def _model(path: Path) -> Path:
    """Return the model's folder or GGUF file; a folder with one GGUF file means that file."""
    if path.is_file() and path.suffix == ".gguf":
        return path
    if (path / "config.json").is_file():
        return path
    files = sorted(path.glob("*.gguf")) if path.is_dir() else []
    if len(files) == 1:
        return files[0]
    if files:
        names = ", ".join(file.name for file in files)
        raise StageError(f"{path} has {len(files)} GGUF files: {names}", "Name one of them")
    raise StageError(f"{path} is no model", "Name a folder with config.json, or a .gguf file")


def _tokenizer(path: Path) -> tuple[PreTrainedTokenizerFast | None, str]:
    try:
        return (gguf_tokenizer(path) if path.is_file() else load_tokenizer(path)), ""
    except StageError as fault:
        return None, fault.message


def _tokenizer_facts(tokenizer: PreTrainedTokenizerFast) -> Json:
    specials = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    return {
        "class": type(tokenizer).__name__,
        "vocabulary": len(tokenizer),
        "bos": tokenizer.bos_token,
        "eos": tokenizer.eos_token,
        "pad": tokenizer.pad_token,
        "special_tokens": len(specials),
    }


def _template_auto(tokenizer: PreTrainedTokenizerFast) -> str:
    try:
        Encoder(tokenizer)
        end = AutoTemplate(tokenizer).turn_end
    except StageError as fault:
        return f"no: {fault.message}"
    return f"yes, an answer ends with {end!r}"


def _continuation(path: Path, facts: ModelReport) -> Json:
    """Return what the model says next after a fixed beginning, or why it was not asked."""
    try:
        greedy = greedy_gguf if path.is_file() else greedy_folder
        said = greedy(path, PROMPT, new_tokens=NEW_TOKENS, weight_bytes=facts.bytes)
    except StageError as fault:
        return fault.message
    return {"prompt": PROMPT, "text": said.text, "tokens": list(said.tokens)}


def _converter(facts: ModelReport) -> str:
    """Say whether llama.cpp's converter knows the architecture, by asking it."""
    try:
        from ftc_runtime.toolchain import check_converter

        folder = check_converter()
    except (StageError, ModuleNotFoundError):
        return "unknown, llama.cpp's converter is not here: ftc doctor --fix"
    done = subprocess.run(
        [sys.executable, folder / "convert_hf_to_gguf.py", "--print-supported-models"],
        capture_output=True,
        text=True,
        check=False,
    )
    known = {line.strip().removeprefix("- ") for line in (done.stdout + done.stderr).splitlines()}
    if "LlamaForCausalLM" not in known:
        return "unknown, llama.cpp's converter does not list what it knows"
    return "yes" if facts.architecture in known else f"no, it does not know {facts.architecture}"


def _files(path: Path) -> Json:
    if path.is_file():
        return {path.name: digest_of(path, "sha256:")}
    return {name: digest_of(path / name, "sha256:") for name in relative_files(path)}
