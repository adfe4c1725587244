"""What commands read: no weights before a build, and no unchanged byte a second time."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from command_line import Ftc, MakeProject
from ftc.cli.workspace import open_workspace
from pipelines import fill_store

SHARDS, SHARD_BYTES = 28, 5_000_000_000
"""140 GB, as a model of 70 billion weights has it."""

TWELVE = """\
version: 1
name: sparse
models:
  large: {source: weights}
datasets:
  sums: {source: data/sums.json, holdout: {fraction: 0.25, seed: 1}}
finetunes:
  adder: {model: large, datasets: [sums]}
evals:
  recall: {models: [adder, gguf.q8_0], baseline: large, dataset: sums.holdout}
exports:
  gguf: {model: adder, format: gguf, quantization: q8_0}
"""

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None
    or subprocess.run(["strace", "true"], capture_output=True, check=False).returncode != 0,
    reason="no strace here, or it may not trace",
)


def write_weights(folder: Path, *, shards: int, shard_bytes: int) -> None:
    """Write a model whose weights are holes."""
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    for number in range(shards):
        with (folder / f"model-{number:05}-of-{shards:05}.safetensors").open("wb") as file:
            os.truncate(file.fileno(), shard_bytes)


def fill(ftc: Ftc, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a result of each stage into the store, and read all sources once."""
    monkeypatch.setenv("FTC_STORE", str(ftc.store))
    monkeypatch.chdir(ftc.folder)
    workspace = open_workspace()
    sources = (stage.source for stage in workspace.plan.stages.values())
    workspace.sources.read((s for s in sources if s), told=lambda done, total: None)
    fill_store(ftc.folder)


def traced(ftc: Ftc, *arguments: str) -> dict[str, int]:
    """Run a command under strace; return the files it opened, with the bytes read from each."""
    log = ftc.folder / "strace.log"
    subprocess.run(
        ["strace", "-f", "-qq", "-y", "-o", str(log), "-e",
         "trace=openat,open,read,pread64,readv,preadv,preadv2,mmap,sendfile,copy_file_range",
         *ftc.command(*arguments)],
        cwd=ftc.folder, env=ftc.environment(), check=True, capture_output=True,
    )  # fmt: skip
    read: dict[str, int] = {}
    for line in log.read_text(errors="replace").splitlines():
        if opened := re.search(r" open(?:at)?\(.* = \d+<(.*)>$", line):
            read.setdefault(opened[1], 0)
        elif used := re.search(r" (\w+)\((?:NULL, (\d+), .*?)?\d*<(/[^>]*)>.* = (\w+)", line):
            size = used[2] if used[1] == "mmap" else used[4]
            read[used[3]] = read.get(used[3], 0) + int(size)
    return read


@pytest.mark.invariant(7)
@needs_strace
def test_a_command_with_nothing_to_do_reads_no_unchanged_byte(
    project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of sources nor of results: only project.yaml, records and listings of folders."""
    ftc = project(TWELVE)
    write_weights(ftc.folder / "weights", shards=2, shard_bytes=40_000_000)
    fill(ftc, monkeypatch)
    assert ftc("build", "gguf").returncode == 0
    objects = [path for path in (ftc.store / "objects").rglob("*") if path.is_file()]
    listings = {path.name for path in objects if path.read_bytes()[:2] == b'{"'}

    for command in (["status"], ["build", "gguf"]):
        read = traced(ftc, *command)
        ours = {path: size for path, size in read.items() if str(ftc.folder) in path}
        blobs = {Path(path).name for path in ours if "/objects/" in path}

        assert [path for path in ours if "/weights/" in path or "/data/" in path] == []
        assert blobs <= listings
        assert ours[str(ftc.folder / "project.yaml")] == len(TWELVE)
        assert sum(ours.values()) < 1_000_000


@needs_strace
def test_strace_does_see_what_is_read(
    project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: a source that was touched is read, once and whole."""
    ftc = project(TWELVE)
    write_weights(ftc.folder / "weights", shards=2, shard_bytes=1_000_000)
    fill(ftc, monkeypatch)
    shard = ftc.folder / "weights" / "model-00000-of-00002.safetensors"
    shard.touch()

    read = traced(ftc, "status")

    assert {path: size for path, size in read.items() if "/weights/" in path} == {
        str(shard): 1_000_000
    }


def test_status_after_a_clone_reads_no_weights(project: MakeProject) -> None:
    """Of 140 GB, in a second and with the plan yet to be made: `ftc build` is to read them."""
    ftc = project(TWELVE)
    write_weights(ftc.folder / "weights", shards=SHARDS, shard_bytes=SHARD_BYTES)
    seconds, before = [], cpu_seconds()
    for _ in range(3):
        shutil.rmtree(ftc.store, ignore_errors=True)
        started = time.monotonic()
        done = ftc("status", "--json")
        seconds.append(time.monotonic() - started)
    spent = (cpu_seconds() - before) / 3

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    model, template, dataset, *others = lines
    assert template["status"] == "pending"
    assert (model["status"], dataset["status"]) == ("unresolved", "stale")
    assert model["note"] == "140.0 GB not read yet: ftc build reads it once"
    assert {line["status"] for line in others} == {"pending"}
    # Another process may have the processor; what we use of it nobody else can use for us.
    assert min(*seconds, spent) < 1.0


def test_a_build_reads_weights_once_and_says_how_far_it_is(project: MakeProject) -> None:
    """Then they are remembered. (They are holes: the stage itself fails on them.)"""
    ftc = project(TWELVE)
    write_weights(ftc.folder / "weights", shards=3, shard_bytes=50_000_000)

    before = ftc.states()["model:large"]
    said = ftc("build", "model:large").stderr.splitlines()
    after = ftc.states()["model:large"]

    assert (before, after) == ("unresolved", "failed")
    assert said[:2] == [
        "reading weights, once: 0.0 of 0.2 GB",
        "reading weights, once: 0.2 of 0.2 GB",
    ]


def cpu_seconds() -> float:
    """Return what the processes that we have waited for have used of the processor."""
    used = os.times()
    return used.children_user + used.children_system
