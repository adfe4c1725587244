"""Command `examine`: what `ftc doctor MODEL` is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import smollm2
from ftc_runtime.sources.repository import digest_of
from stage_runs import tiny_llama


def examine(folder: Path, model: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in its process."""
    spec = folder / "examine.json"
    spec.write_text(json.dumps({"command": "examine", "model": str(model)}))
    return subprocess.run(
        [sys.executable, "-P", "-m", "ftc_runtime", str(spec)],
        capture_output=True,
        text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        check=False,
    )


def test_a_gguf_file_is_examined(tmp_path: Path) -> None:
    """One JSON line, whatever libraries say meanwhile; it answers, or says why not."""
    done = examine(tmp_path, smollm2.gguf())

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["memory"].pop("ram_gib") > 0
    continues = found.pop("continues")
    assert isinstance(continues, str) or continues["tokens"][0] == " Paris"
    assert found == {
        "architecture": "llama",
        "parameters": 134_515_008,
        "dtypes": {"F32": 35_136, "Q4_1": 106_168_320, "Q8_0": 28_311_552},
        "context_length": 8192,
        "tokenizer": {
            "class": "TokenizersBackend",
            "vocabulary": 49_152,
            "bos": "<|im_start|>",
            "eos": "<|im_end|>",
            "pad": "<|im_end|>",
            "special_tokens": 17,
        },
        "chat_template": True,
        "template_auto": "yes, an answer ends with '<|im_end|>\\n'",
        "memory": {"needed_gib": 0.11, "fits": True},
        "converter": "not needed, it is GGUF",
        "files": {smollm2.gguf().name: digest_of(smollm2.gguf(), "sha256:")},
        "warnings": [],
    }


def test_a_folder_without_template_says_so(tmp_path: Path) -> None:
    """A base model can be looked at; eight tokens come from its weights, however random."""
    model = tiny_llama(tmp_path / "model", vocab_size=49_152)
    smollm2.write_tokenizer(model)
    (model / "chat_template.jinja").unlink()

    done = examine(tmp_path, model)

    found = json.loads(done.stdout)
    assert found["chat_template"] is False
    assert found["template_auto"] == (
        "no: the model has no chat template, so `template: auto` has nothing to read"
    )
    assert len(found["continues"]["tokens"]) == 8
    assert found["converter"].partition(",")[0] in ("yes", "unknown")
    assert found["warnings"] == [
        "it has no chat template: it is a base model, or its tokenizer is incomplete"
    ]


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    """A folder of anything else."""
    done = examine(tmp_path, tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-2:] == [
        f"error: {tmp_path} is no model",
        "  help: Name a folder with config.json, or a .gguf file",
    ]
