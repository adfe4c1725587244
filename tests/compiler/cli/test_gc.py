"""`ftc gc` as a user runs it, and a store that two projects share."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import MakeProject

PROJECT = """\
version: 1
name: rows
gc: {grace: 0h}
datasets:
  sums: {source: data/sums.json, holdout: {fraction: 0.25, seed: 1}}
"""


def test_it_says_what_would_go_and_deletes_only_when_told(project: MakeProject) -> None:
    """Per kind of stage and in all; nothing in use goes."""
    ftc = project(PROJECT)
    ftc("build", "sums")
    ftc.edit("seed: 1", "seed: 2")
    ftc("build", "sums")

    told = ftc("gc")
    as_json = ftc("gc", "--json")
    young = ftc("gc", "--grace", "1d")
    deleted = ftc("gc", "--delete")
    again = ftc("gc")
    states = ftc.states()
    checked = ftc("verify")

    kinds = [line.split()[0] for line in told.stdout.splitlines()]
    assert (told.returncode, kinds) == (0, ["dataset", "logs,"])
    assert told.stderr.endswith(" in all; `ftc gc --delete` deletes it\n")
    records = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert [record.get("kind") for record in records] == [
        "dataset",
        "logs, links and the like",
        None,
    ]
    assert (records[0]["count"], records[-1]["deleted"]) == (1, False)
    assert young.stderr == "nothing to delete: all that is in the store is in use, or young\n"
    assert (deleted.returncode, deleted.stdout) == (0, told.stdout)
    assert (again.returncode, again.stdout) == (0, "")
    assert states == {"dataset:sums": "fresh"}
    assert checked.returncode == 0, checked.stdout


def test_two_projects_share_a_store(project: MakeProject, tmp_path: Path) -> None:
    """Equal stages run once, refs are apart, and neither loses anything by the other's gc."""
    store = tmp_path / "store"
    first = project(PROJECT, store=store, name="first")
    second = project(PROJECT.replace("name: rows", "name: other"), store=store, name="second")
    first("build", "sums")

    shared = second("build", "sums")
    second.edit("seed: 1", "seed: 3")
    second("build", "sums")
    first.edit("seed: 1", "seed: 2")
    first("build", "sums")
    gone = first("gc", "--delete", "--json")
    states = [first.states(), second.states()]
    (second.folder / "project.yaml").unlink()
    later = first("gc", "--delete", "--json")

    assert shared.stderr.startswith("1 stage up to date (")
    assert len(list((store / "refs").iterdir())) == 1
    assert states == [{"dataset:sums": "fresh"}] * 2
    assert [json.loads(run.stdout.splitlines()[0])["count"] for run in (gone, later)] == [1, 1]
    assert first.states() == {"dataset:sums": "fresh"}
