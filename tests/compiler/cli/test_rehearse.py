"""`ftc build --rehearse`: everything runs, small, and nothing of the project is touched."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from command_line import Ftc, MakeProject

DATASETS = """\
version: 1
name: rows
datasets:
  sums:
    source: data/sums.json
    holdout: {fraction: 0.25, seed: 1}
"""


@pytest.fixture
def rows(project: MakeProject) -> Ftc:
    """A project with one dataset of 24 rows."""
    return project(DATASETS)


def records(store: Path) -> list[dict[str, object]]:
    """Return the specs of all records in a store."""
    return [json.loads(file.read_text())["preimage"]["spec"] for file in store.glob("ac/*/*.json")]


def test_a_rehearsal_leaves_the_project_as_it_was(rows: Ftc) -> None:
    """No `out/`, no ref, no lock, and the status it had; in the store, a record that says so."""
    before = rows("status").stdout

    done = rows("build", "--rehearse", "sums")

    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        r"> dataset:sums  never built\n"
        r"\[1/1\] dataset:sums  [\d.]+ s  .*\n"
        r"rehearsed 1 stage in [\d.]+ s: all of sums runs\n",
        done.stderr,
    ), done.stderr
    assert rows("status").stdout == before == "~ dataset:sums  stale       never built\n"
    assert sorted(path.name for path in rows.folder.iterdir()) == [".ftc", "data", "project.yaml"]
    assert records(rows.store) == [{"holdout": {"fraction": 0.25, "seed": 1}, "rehearsal": True}]


def test_a_second_rehearsal_has_nothing_to_do(rows: Ftc) -> None:
    """It says so at once; an edit rehearses what it touches."""
    rows("build", "--rehearse", "sums")

    again = rows("build", "--rehearse", "sums")
    rows.edit("seed: 1", "seed: 2")
    edited = rows("build", "--rehearse", "sums")

    assert again.stderr == "rehearsed 1 stage already: all of sums runs\n"
    assert "> dataset:sums  holdout.seed 1 -> 2 (project.yaml:6)\n" in edited.stderr


def test_what_was_rehearsed_is_built_all_the_same(rows: Ftc) -> None:
    """The real stage runs, on all rows; and no time is told from the rehearsal."""
    rows("build", "--rehearse", "sums")

    plan = rows("plan", "sums")
    built = rows("build", "sums")

    assert "no earlier run" in plan.stdout
    assert "  rows 24  dropped 0  " in built.stderr
    out = rows.folder / "out" / "sums"
    kept = [len((out / f"{part}.jsonl").read_text().splitlines()) for part in ("train", "holdout")]
    assert sum(kept) == 24


def test_a_failed_rehearsal_says_which_stage_and_how_to_go_on(rows: Ftc) -> None:
    """As any build does."""
    (rows.folder / "data" / "sums.json").write_text('[{"instruction": 1}]')

    done = rows("build", "--rehearse", "sums")

    assert done.returncode == 1
    assert "error[stage-failed]: dataset:sums: sums.json has no row that can be used" in done.stderr
    assert done.stderr.endswith("After mending it: ftc build --rehearse sums\n")
