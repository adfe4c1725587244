"""What a command works on: variants of a matrix, settings of the command line, `--out`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from command_line import Ftc, MakeProject

SPLITS = """\
version: 1
name: rows
datasets:
  sums:
    source: data/sums.json
    holdout: {fraction: 0.25, seed: 1}
  split:
    source: data/sums.json
    holdout: {fraction: 0.5}
    matrix:
      holdout.seed:
        - 1
        - 2
"""


@pytest.fixture
def splits(project: MakeProject) -> Ftc:
    """A project with one dataset, and one in two variants."""
    return project(SPLITS)


def kept(ftc: Ftc) -> dict[str, str]:
    """Return what a build may leave behind for others to see: refs, `out/`, lock, kept plan."""
    folders = (ftc.store / "refs", ftc.folder / "out", ftc.store / "plans")
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    files += [path for path in [ftc.folder / "ftc.lock"] if path.exists()]
    return {str(path): path.read_text(encoding="utf-8") for path in files}


def test_the_bare_name_of_a_matrix_is_all_its_variants(splits: Ftc) -> None:
    """Built and shown each under its own name; one alone by its full name."""
    done = splits("build", "split")
    one = splits("status", "split@holdout.seed=2")

    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (splits.folder / "out").iterdir()) == [
        "split@holdout.seed=1",
        "split@holdout.seed=2",
    ]
    assert one.stdout == "= dataset:split@holdout.seed=2  fresh\n"
    assert list(splits.states("split.train")) == [
        "dataset:split@holdout.seed=1",
        "dataset:split@holdout.seed=2",
    ]
    assert sorted(splits.states("dataset:split")) == sorted(splits.states("split"))


def test_an_edit_of_a_value_is_told_with_its_own_line(splits: Ftc) -> None:
    """A variant keeps its name while another setting changes; its value has a line of its own."""
    splits("build", "split")
    splits.edit("fraction: 0.5", "fraction: 0.4")
    edited = splits("why", "split@holdout.seed=2")
    splits.edit("        - 2\n", "        - 3\n")
    added = splits("status", "split")

    assert edited.stdout == (
        "dataset:split@holdout.seed=2 is stale\n  holdout.fraction 0.5 -> 0.4  (project.yaml:9)\n"
    )
    assert added.stdout.splitlines()[1] == "~ dataset:split@holdout.seed=3  stale       never built"


def test_an_unknown_variant_is_answered_with_a_known_one(splits: Ftc) -> None:
    """As any other target is."""
    done = splits("build", "split@holdout.seed=3")

    assert done.returncode == 2
    assert done.stderr == (
        "error[unknown-target]: there is no target `split@holdout.seed=3`\n"
        " = help: did you mean `split@holdout.seed=2`?\n"
    )


def test_a_setting_of_the_command_line_is_explained_by_its_argument(splits: Ftc) -> None:
    """Against the run that the project used last."""
    splits("build", "sums")

    status = splits("status", "sums", "-s", "sums.holdout.seed=2")
    why = splits("why", "sums", "-s", "sums.holdout.seed=2", "--json")
    plan = splits("plan", "sums", "-s", "sums.holdout.seed=2")

    line = "~ dataset:sums  stale       holdout.seed 1 -> 2 (-s sums.holdout.seed=2)\n"
    assert (status.stdout, plan.stdout.splitlines(keepends=True)[0]) == (line, line)
    [reason] = json.loads(why.stdout)["reasons"]
    assert reason["place"] == "-s sums.holdout.seed=2"


def test_a_build_with_settings_leaves_the_project_alone(splits: Ftc) -> None:
    """Its result is in the store and its place is printed; refs, out/ and the plan stay."""
    splits("build", "sums")
    before = kept(splits)

    done = splits("build", "sums", "-s", "sums.holdout.seed=2")
    again = splits("build", "sums", "-s", "sums.holdout.seed=2", "--json")

    assert done.returncode == 0, done.stderr
    found = re.fullmatch(r"sums: (\S+)\n", done.stdout)
    assert found is not None, done.stdout
    place = Path(found[1])
    assert splits.store in place.parents
    rows = (place / "holdout.jsonl").read_text()
    assert rows != (splits.folder / "out" / "sums" / "holdout.jsonl").read_text()
    assert json.loads(again.stdout.splitlines()[-1])["path"] == str(place)
    assert kept(splits) == before
    assert splits.states("sums") == {"dataset:sums": "fresh"}


def test_the_kept_plan_neither_serves_settings_nor_learns_from_them(splits: Ftc) -> None:
    """Whichever came first."""
    first = splits("status", "sums", "-s", "sums.holdout.seed=2", "--json").stdout
    plain = splits("status", "sums", "--json").stdout
    second = splits("status", "sums", "-s", "sums.holdout.seed=2", "--json").stdout
    again = splits("status", "sums", "--json").stdout

    assert (first, plain) == (second, again)
    assert json.loads(first)["key"] != json.loads(plain)["key"]


def test_results_are_linked_where_out_says(splits: Ftc) -> None:
    """In place of out/, with settings and without."""
    splits("build", "sums", "--out", "dist")
    splits("build", "sums", "-s", "sums.holdout.seed=2", "--out", "tried/here")

    plain = splits.folder / "dist" / "sums" / "holdout.jsonl"
    tried = splits.folder / "tried" / "here" / "sums" / "holdout.jsonl"
    assert not (splits.folder / "out").exists()
    assert plain.read_text() != tried.read_text()


def test_settings_that_cannot_be_are_refused_by_every_command(splits: Ftc) -> None:
    """With the argument and a caret."""
    for command in ("check", "plan", "build", "status", "why", "graph", "compare"):
        target = [] if command == "check" else ["sums"]
        done = splits(command, *target, "-s", "sums.holdout.sed=2")

        assert (done.returncode, done.stderr) == (
            2,
            "error[unknown-key]: `holdout` has no key `sed`\n"
            " --> command line:1:17\n"
            "  |\n"
            "1 | -s sums.holdout.sed=2\n"
            "  |                 ^^^\n"
            "  = help: did you mean `seed`?\n",
        ), command


def test_check_shows_variants_as_items(splits: Ftc) -> None:
    """With what each has in the end."""
    done = splits("check", "--resolved", "--json", "-s", "split.matrix.holdout.seed=[5]")

    resolved = json.loads(done.stdout)["datasets"]
    assert resolved["split@holdout.seed=5"]["holdout"] == {"fraction": 0.5, "seed": 5}
    assert list(resolved) == ["sums", "split@holdout.seed=5"]
