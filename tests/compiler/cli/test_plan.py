"""`ftc plan`: what would run, why, and what that costs, before anything is spent."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from command_line import Ftc, MakeProject
from ftc.cli.main import main

DATASETS = """\
version: 1
name: rows
datasets:
  sums:
    source: data/sums.json
    holdout: {fraction: 0.25, seed: 1}
"""

COST = {"seconds", "read_bytes", "fetch_bytes", "write_bytes", "devices", "memory", "note"}


@pytest.fixture
def rows(project: MakeProject) -> Ftc:
    """A project with one dataset of 24 rows."""
    return project(DATASETS)


def planned(ftc: Ftc, *targets: str) -> list[dict[str, Any]]:
    """Return the records of `ftc plan --json`, the whole plan's last."""
    done = ftc("plan", "--json", *targets)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_without_an_earlier_run_no_time_is_told(rows: Ftc) -> None:
    """What is known is: what is read, what may be written, what is free."""
    done = rows("plan", "sums")

    assert (done.returncode, done.stdout) == (
        0,
        "~ dataset:sums  stale       never built\n"
        "                no earlier run, reads 2 KiB, writes 2 KiB\n",
    )
    assert re.fullmatch(
        r"Plan: 1 to run\. no earlier run to tell the time from,"
        r" reads 2 KiB, writes 2 KiB, [\d.]+ [GM]iB free\.\n",
        done.stderr,
    ), done.stderr


def test_an_earlier_run_says_how_long_it_takes(rows: Ftc) -> None:
    """And how large its outputs are."""
    rows("build", "sums")
    rows.edit("seed: 1", "seed: 2")

    done = rows("plan", "sums")

    assert re.fullmatch(
        r"~ dataset:sums  stale       holdout\.seed 1 -> 2 \(project\.yaml:6\)\n"
        r"                about \d+s \(1 earlier run\), reads 2 KiB, writes 4 KiB\n",
        done.stdout,
    ), done.stdout


def test_what_is_fresh_costs_nothing(rows: Ftc) -> None:
    """One line."""
    rows("build", "sums")

    done = rows("plan", "sums")

    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "",
        "Plan: nothing to run, 1 fresh.\n",
    )


def test_a_dry_run_is_a_plan(rows: Ftc) -> None:
    """`ftc build -n` says the same; with --rehearse it plans the rehearsal."""
    plan = rows("plan", "sums")
    dry = rows("build", "-n", "sums")
    rows("build", "--rehearse", "sums")
    rehearsal = rows("build", "-n", "--rehearse", "sums")

    assert dry.stdout == plan.stdout
    assert rehearsal.stderr == "Plan: nothing to run, 1 fresh.\n"


def test_json_has_everything_as_numbers(rows: Ftc) -> None:
    """The same keys whatever is known, null for what is not."""
    before = planned(rows, "sums")
    rows("build", "sums")
    rows.edit("seed: 1", "seed: 2")
    after = planned(rows, "sums")

    assert [record["type"] for record in before] == ["stage", "plan"]
    assert before[0]["cost"].keys() == after[0]["cost"].keys() == COST
    assert before[-1].keys() == after[-1].keys()
    assert before[0]["cost"]["seconds"] is None
    assert after[0]["cost"]["seconds"]["runs"] == 1
    assert after[-1]["fits"] is True
    assert (after[-1]["to_run"], after[-1]["stages_without_seconds"]) == (1, 0)


def test_what_does_not_fit_on_the_disk_is_a_failure(
    rows: Ftc, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, by how much, and what to do."""
    monkeypatch.setattr("ftc.plan.costs.cost.free_disk", lambda store: 1000)
    monkeypatch.setenv("FTC_STORE", str(rows.store))
    size = (rows.folder / "data" / "sums.json").stat().st_size

    code = main(["-C", str(rows.folder), "plan", "sums"])

    assert code == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"does not fit: {size - 1000} B more must be free where the store is;"
        " `ftc gc` frees what nothing uses, FTC_STORE=DIR names another place"
    )


def test_memory_is_told_before_anything_is_here(project: MakeProject) -> None:
    """From the config in project.yaml and the vocabulary in the GGUF file; rows by max_length."""
    records = planned(project(), "merged")

    stages = {record["stage"]: record["cost"] for record in records[:-1]}
    memory = stages["sft:adder"]["memory"]
    assert (memory["longest_row"], memory["longest_row_is_measured"]) == (2048, False)
    assert memory["weights_bytes"] == 4 * 1_591_456
    # The logits of 4 rows of 2,048 tokens, thrice.
    assert memory["logits_bytes"] == 3 * 4 * 2048 * 49152 * 4
    assert stages["merge:merged"]["write_bytes"] == 4 * 1_591_456
    assert records[-1]["memory_bytes"] == memory["total_bytes"]


def test_a_model_that_is_not_here_leaves_memory_unknown(project: MakeProject) -> None:
    """Said so, and no number in its place."""
    hub = project(
        DATASETS
        + """\
models:
  base: {source: "hf://org/name"}
finetunes:
  tuned: {model: base, datasets: [sums]}
"""
    )

    done = hub("plan", "tuned")

    assert "no earlier run; memory not known: model:base is not here yet" in done.stdout
    assert "no earlier run, downloads an unknown size" in done.stdout


def test_the_store_need_not_be_there(rows: Ftc) -> None:
    """A plan makes nothing."""
    rows("plan", "sums")

    made = {path.name for path in Path(rows.store).iterdir()}
    assert "ac" not in made
    assert "objects" not in made
