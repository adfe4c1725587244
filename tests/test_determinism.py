"""Two clean builds give the same bytes, wherever and as whoever they are made."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import Ftc, MakeProject
from conftest import TINY

EVERY_KIND = (
    TINY
    + """\
  gguf: {model: adder, format: gguf, quantization: [q8_0, f16]}
evals:
  recall:
    {models: [adder, gguf.q8_0], baseline: small, dataset: sums.holdout,
     generation: {max_new_tokens: 4}}
"""
)


def digests(ftc: Ftc) -> dict[str, dict[str, str]]:
    """Return stage -> output -> digest, from the records."""
    made = {}
    for line in ftc("status", "--json").stdout.splitlines():
        state = json.loads(line)
        assert state["status"] == "fresh", state
        key = state["key"]
        record = json.loads((ftc.store / "ac" / key[:2] / f"{key}.json").read_text())
        made[state["stage"]] = {name: out["digest"] for name, out in record["outputs"].items()}
    return made


def test_two_clean_builds_are_equal_in_every_digest(project: MakeProject, tmp_path: Path) -> None:
    """Another folder, another HOME, another hash seed, another number of threads."""
    one, other = project(EVERY_KIND, name="one"), project(EVERY_KIND, name="a/longer/other")
    (tmp_path / "home").mkdir()

    first = one("build", PYTHONHASHSEED="1")
    second = other(
        "build", PYTHONHASHSEED="2", HOME=str(tmp_path / "home"), XDG_CACHE_HOME=str(cache_home())
    )

    assert first.returncode == 0, first.stderr
    assert second.returncode == 0, second.stderr
    made = digests(one)
    assert made == digests(other)
    assert {name.split(":")[0] for name in made} == {
        "model", "template", "dataset", "tokens", "sft", "merge", "gguf", "quantize", "predict",
        "score", "card",
    }  # fmt: skip


def cache_home() -> Path:
    """Return where llama.cpp's converter may lie: it is a tool of the machine, not of a HOME."""
    return Path.home() / ".cache"
