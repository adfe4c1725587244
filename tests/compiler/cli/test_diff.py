"""`ftc diff`: locks in git, and results in the store."""

from __future__ import annotations

import json
import subprocess

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


def git(ftc: Ftc, *words: str) -> None:
    """Run git in the project."""
    identity = ["-c", "user.name=ftc", "-c", "user.email=ftc@example.org"]
    subprocess.run(["git", *identity, *words], cwd=ftc.folder, check=True, capture_output=True)


def commit(ftc: Ftc) -> str:
    """Build, commit the lock, and return the key of the result."""
    built = ftc("build", "sums")
    assert built.returncode == 0, built.stderr
    git(ftc, "add", "ftc.lock", "project.yaml")
    git(ftc, "commit", "-q", "-m", "build")
    key: str = json.loads(ftc("status", "--json").stdout)["key"]
    return key


@pytest.fixture
def rows(project: MakeProject) -> Ftc:
    """A project in git, with one dataset."""
    ftc = project(DATASETS)
    git(ftc, "init", "-q", "-b", "main")
    git(ftc, "commit", "-q", "--allow-empty", "-m", "nothing")
    return ftc


def test_two_commits_are_compared_leaf_by_leaf(rows: Ftc) -> None:
    """Settings before and now, and each output; the lines of today only for the working tree."""
    first = commit(rows)
    rows.edit("seed: 1", "seed: 2")
    second = commit(rows)

    commits = rows("diff", "HEAD~1..HEAD")
    tree = rows("diff", "HEAD~1", "--exit-code")
    none = rows("diff", "--exit-code")
    keys = rows("diff", first[:8], second[:8])

    rows_of_commits = commits.stdout.splitlines()
    assert rows_of_commits[:2] == ["~ dataset:sums", "  holdout.seed 1 -> 2"]
    assert [row.split(":")[0].strip() for row in rows_of_commits[2:]] == [
        "holdout",
        "report",
        "train",
    ]
    assert tree.stdout.splitlines()[1] == "  holdout.seed 1 -> 2  (project.yaml:6)"
    assert (commits.returncode, tree.returncode) == (0, 1)
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "no difference\n")
    assert keys.stdout.splitlines() == [
        f"~ dataset {first[:12]} -> {second[:12]}",
        *rows_of_commits[1:],
    ]


def test_what_came_is_told_where_a_commit_has_no_lock(rows: Ftc) -> None:
    """As JSON too, from the same records."""
    commit(rows)

    text = rows("diff", "HEAD~1")
    records = [json.loads(line) for line in rows("diff", "HEAD~1", "--json").stdout.splitlines()]

    assert text.stdout.splitlines()[-1] == "+ dataset:sums"
    assert text.stdout.startswith("data/sums.json (unset) -> sha256:")
    assert [record["type"] for record in records] == ["lock-change", "stage-change"]
    assert records[0]["before"] is None
    assert records[1]["how"] == "came"
    assert all(output["before"] is None for output in records[1]["outputs"])


@pytest.mark.parametrize(
    ("sides", "told"),
    [
        (["no-such-branch"], "error[revision]: no-such-branch is no commit of git in "),
        (["HEAD", "HEAD", "HEAD"], "error[usage]: compare two things at a time"),
    ],
)
def test_what_is_no_commit_is_told(rows: Ftc, sides: list[str], told: str) -> None:
    """Exit 2."""
    done = rows("diff", *sides)

    assert done.returncode == 2
    assert done.stderr.startswith(told)


def test_a_key_that_is_none_is_told(rows: Ftc) -> None:
    """One of the two is in the store."""
    key = commit(rows)

    done = rows("diff", key, "0" * 64)

    assert (done.returncode, done.stderr) == (
        2,
        f"error[key]: no key in the store begins with {'0' * 64}\n"
        " = help: ftc status --json tells keys\n",
    )
