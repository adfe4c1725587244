"""`ftc why`: each reason with its place, and what a waiting stage waits for in the end."""

from __future__ import annotations

import json

from command_line import MakeProject
from conftest import TINY


def test_a_chain_is_told_to_its_end(project: MakeProject) -> None:
    """In a clone that has the lock alone: the edited setting with its line, before and now."""
    ours = project()
    ours("build", "sums")
    clone = project(TINY.replace("seed: 1}}", "seed: 2}}"), name="clone")
    (clone.folder / "ftc.lock").write_bytes((ours.folder / "ftc.lock").read_bytes())

    done = clone("why", "adder")
    records = [json.loads(line) for line in clone("why", "adder", "--json").stdout.splitlines()]

    reason = "holdout.seed 1 -> 2"
    place = "project.yaml:12"
    paragraphs = done.stdout.split("sft:adder is ")
    assert f"dataset:sums is stale\n  {reason}  ({place})\n" in paragraphs[0]
    assert "  never built here: compared with ftc.lock\n" in paragraphs[0]
    assert paragraphs[1].startswith("pending\n  waits for ")
    assert paragraphs[1].endswith(
        f"  because dataset:sums is stale: {reason} ({place}); "
        "never built here: compared with ftc.lock\n"
    )
    causes = [cause["stage"] for cause in records[-1]["because"]]
    assert records[-1]["stage"] == "sft:adder"
    assert set(causes) == {"dataset:sums", "model:smollm2"}


def test_what_is_up_to_date_says_so(project: MakeProject) -> None:
    """In one line."""
    ftc = project()
    ftc("build", "sums")

    assert ftc("why", "sums").stdout == "sums: up to date\n"
