"""`fail_if` in a project: what it stops, and what a changed bar costs."""

from __future__ import annotations

import json

from command_line import MakeProject
from conftest import ROWS, TINY

WITH_BAR = TINY.replace("seed: 1}}", "seed: 1}, fail_if: {duplicates: 10%}}")


def test_a_missed_bar_stops_the_build_and_keeps_what_was_there(project: MakeProject) -> None:
    """Exit 1, the figures and the first places; out/ shows the last good result."""
    ftc = project(WITH_BAR)
    assert ftc("build", "sums").returncode == 0
    good = (ftc.folder / "out/sums/train.jsonl").read_bytes()
    rows = ftc.folder / "data/sums.json"
    rows.write_text(json.dumps(ROWS + ROWS[:3]))

    failed = ftc("build", "sums")

    assert failed.returncode == 1
    assert "fail_if does not allow this of sums.json:" in failed.stderr
    assert "duplicates: 3 of 27 rows (11.1%), allowed 10%: rows 25, 26, 27" in failed.stderr
    assert (ftc.folder / "out/sums/train.jsonl").read_bytes() == good


def test_another_bar_reads_the_data_anew_and_makes_the_same_rows(project: MakeProject) -> None:
    """So that nothing behind the dataset is stale after it."""
    ftc = project(WITH_BAR)
    assert ftc("build", "sums").returncode == 0
    before = {path.name: path.resolve() for path in (ftc.folder / "out/sums").glob("*.json*")}
    ftc.edit("duplicates: 10%", "duplicates: 0")

    states = ftc.states()
    again = ftc("build", "sums")

    after = {path.name: path.resolve() for path in (ftc.folder / "out/sums").glob("*.json*")}
    assert states["dataset:sums"] == "stale"
    assert again.returncode == 0
    for name in ("train.jsonl", "report.json"):
        assert after[name] == before[name]
