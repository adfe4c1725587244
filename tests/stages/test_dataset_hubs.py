"""Datasets of hubs: the real clients against a server on loopback that speaks their protocols."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub_server import Hub, Repo, git_blob, serving
from stage_runs import StageRun, run_stage


def lines(*words: str) -> bytes:
    """Return alpaca rows, one for each word."""
    rows = ({"instruction": f"say {word}", "output": word} for word in words)
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


CARD = b"""---
configs:
- config_name: en
  data_files:
  - {split: train, path: "en/part-*.jsonl"}
  - {split: validation, path: en/held.jsonl}
- config_name: zh
  data_files: zh.jsonl
---
# rows
"""
SHARDS = {
    "README.md": b"no header\n",
    "data/train-00000-of-00002.jsonl": lines("one", "two"),
    "data/train-00001-of-00002.jsonl": lines("three"),
    "data/test-00000-of-00001.jsonl": lines("four"),
    "script.py": b"raise SystemExit\n",
}
SUBSETS = {
    "README.md": CARD,
    "en/part-0.jsonl": lines("one"),
    "en/part-1.jsonl": lines("two"),
    "en/held.jsonl": lines("three"),
    "zh.jsonl": lines("\u4e00"),
    "other.csv": b"a,b\n",
}
LARGE = frozenset({"data/train-00000-of-00002.jsonl"})
ROWS, PARTS = "datasets/acme/rows", "datasets/acme/parts"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub with a dataset whose files are told by their names, and one by its card."""
    with serving(Hub({ROWS: Repo(SHARDS, LARGE), PARTS: Repo(SUBSETS)})) as hub:
        yield hub


def environment(hub: Hub, home: Path) -> dict[str, str]:
    """Return variables that point both clients at the server, and at an empty home."""
    return {
        "HF_ENDPOINT": hub.url,
        "MODELSCOPE_ENDPOINT": hub.url,
        "HF_HUB_OFFLINE": "0",
        "HOME": str(home),
        "MODELSCOPE_LOG_LEVEL": "40",
    }


def resolve(hub: Hub, folder: Path, uri: str) -> subprocess.CompletedProcess[str]:
    """Run the `resolve` command in its process."""
    spec = folder / "resolve.json"
    spec.write_text(json.dumps({"command": "resolve", "uri": uri}))
    return subprocess.run(
        [sys.executable, "-P", "-m", "ftc_runtime", str(spec)],
        capture_output=True,
        text=True,
        env=os.environ | environment(hub, folder),
        check=False,
    )


def pinned(hub: Hub, folder: Path, uri: str) -> dict[str, Any]:
    """Return what `resolve` answers."""
    done = resolve(hub, folder, uri)
    assert done.returncode == 0, done.stderr
    source: dict[str, Any] = json.loads(done.stdout)
    return source


def bring(hub: Hub, folder: Path, source: dict[str, Any]) -> StageRun:
    """Run the `dataset` stage on a pinned source."""
    return run_stage(
        "dataset", folder, inputs={}, source=source, environment=environment(hub, folder)
    )


def answers(run: StageRun) -> list[str]:
    """Return what the assistant says in each row for training."""
    assert run.failure is None, run.log
    rows = map(json.loads, run.outputs["train"].read_text(encoding="utf-8").splitlines())
    return [row["messages"][-1]["content"][0]["text"] for row in rows]


@pytest.mark.parametrize("scheme", ["hf", "ms"])
def test_a_split_is_pinned_and_read_in_the_order_of_its_shards(
    hub: Hub, tmp_path: Path, scheme: str
) -> None:
    """The files of the train split alone are in the pin, by the names that shards have."""
    source = pinned(hub, tmp_path, f"{scheme}://{ROWS}")
    run = bring(hub, tmp_path / "stage", source)

    assert source["revision"] == hub.repos[ROWS].commit
    assert list(source["files"]) == sorted(name for name in SHARDS if "train" in name)
    assert answers(run) == ["one", "two", "three"]
    assert not any("test-00000" in asked and "resolve" in asked for asked in hub.asked)


def test_the_card_says_which_files_make_up_a_subset(hub: Hub, tmp_path: Path) -> None:
    """A small file carries its git id; what is in another subset or split is not taken."""
    source = pinned(hub, tmp_path, f"hf://{PARTS}?subset=en&split=validation")
    run = bring(hub, tmp_path / "stage", source)

    assert source["files"] == {"en/held.jsonl": f"git:{git_blob(SUBSETS['en/held.jsonl'])}"}
    assert answers(run) == ["three"]


def test_what_a_hub_does_not_have_is_told(hub: Hub, tmp_path: Path) -> None:
    """Exit 1, one message and a way out."""
    done = resolve(hub, tmp_path, f"hf://{ROWS}?split=validation")

    told = [line for line in done.stderr.splitlines() if line.startswith(("error", "  help"))]
    assert (done.returncode, done.stdout) == (1, "")
    assert told == [f"error: hf://{ROWS} has no split validation", "  help: It has test, train"]


def test_a_file_that_is_not_what_was_pinned_fails_the_stage(hub: Hub, tmp_path: Path) -> None:
    """Nothing is read of it."""
    source = pinned(hub, tmp_path, f"hf://{ROWS}?split=test")
    name = "data/test-00000-of-00001.jsonl"
    hub.changed[name] = SHARDS[name].replace(b"four", b"five")

    run = bring(hub, tmp_path / "stage", source)

    assert run.failure is not None
    assert run.failure[0].startswith(f"{name} of hf://{ROWS} has the digest git:")
