"""A stage that can resume goes on from its own checkpoint, whatever ended it before."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from ftc_runtime import manifest
from toy_project import Diary, ToyProject, wait_until


@pytest.fixture
def project(tmp_path: Path) -> ToyProject:
    """Return a project whose second stage makes six steps and waits at the fifth."""
    project = ToyProject(tmp_path)
    project.stage("dataset:d", text="rows")
    training(project)
    return project


def training(project: ToyProject, text: str = "r=8", **behaviour: Any) -> None:
    """Add the stage that makes steps, or put another in its place."""
    settings: dict[str, Any] = {"steps": str(project.root / "steps"), "waits_at": 5, **behaviour}
    project.stage("sft:a", text=text, inputs=["dataset:d"], **settings)


def steps(project: ToyProject) -> list[str]:
    """Return the steps that were made since this was asked last."""
    file = project.root / "steps"
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return lines


def kill_at_step_five(project: ToyProject, text: str = "r=8") -> None:
    """Build, and kill ftc with -9 while the fifth step is made."""
    builder = project.build_elsewhere()
    wait_until(lambda: (project.root / "steps").exists())
    wait_until(lambda: f"{text} 4\n" in (project.root / "steps").read_text())
    key = project.freshness().look()["sft:a"].key
    assert key is not None
    wait_until(lambda: (found := manifest.newest(project.store.scratch(key))) and found.done == 4)
    builder.kill()
    builder.wait()
    wait_until(lambda: project.statuses()["sft:a"] != "running")


def go(project: ToyProject) -> None:
    """Let the stage pass its fifth step."""
    (project.root / "go").touch()


def facts(project: ToyProject) -> dict[str, object]:
    """Return what the record of the stage says of tries."""
    record = project.freshness().look()["sft:a"].record
    assert record is not None
    return {name: record.facts.get(name) for name in ("attempts", "resumed", "resumed_from")}


def test_the_same_build_goes_on_after_kill_9(project: ToyProject) -> None:
    """It is announced before and noted after, and no step is made twice."""
    kill_at_step_five(project)
    made = steps(project)
    state = project.freshness().look()["sft:a"]
    go(project)

    outcome = project.build()

    assert (state.status, state.note) == ("resumable", "goes on from step 4 of 6")
    assert made == [f"r=8 {step}" for step in range(1, 5)]
    assert outcome.code == 0
    assert steps(project) == ["r=8 5", "r=8 6"]
    assert facts(project) == {"attempts": 2, "resumed": True, "resumed_from": 4}
    assert not project.store.work(state.key or "").exists()


def test_an_undisturbed_one_says_so(project: ToyProject) -> None:
    """One attempt, not resumed."""
    go(project)

    project.build()

    assert facts(project) == {"attempts": 1, "resumed": False, "resumed_from": None}


def test_what_a_crash_left_of_the_outputs_is_not_mixed_in(project: ToyProject) -> None:
    """Only the checkpoints stay."""
    kill_at_step_five(project)
    key = project.freshness().look()["sft:a"].key or ""
    (project.store.work(key) / "out" / "rows.jsonl").write_text("half")
    (project.store.work(key) / "out" / "other").write_text("of another library")
    go(project)

    outcome = project.build()

    assert outcome.code == 0
    assert facts(project)["resumed"] is True


def test_a_stage_that_cannot_resume_begins_with_an_empty_folder(tmp_path: Path) -> None:
    """What an earlier try left would be mixed in."""
    project = ToyProject(tmp_path)
    project.stage("merge:m", seconds=60, running=str(tmp_path / "pid"))
    key = project.freshness().look()["merge:m"].key or ""
    left = project.store.scratch(key) / "checkpoints" / "checkpoint-3"
    left.mkdir(parents=True)
    manifest.seal(left, done=3, total=6)
    project.stage("merge:m")

    status = project.statuses()["merge:m"]
    project.build()

    assert status == "stale"
    assert not left.exists()


def test_the_accident_of_two_settings_ends_right_with_one_command(project: ToyProject) -> None:
    """r=8 built, r=16 killed, back to r=8: nothing runs. r=16 later goes on from its own."""
    go(project)
    project.build()
    before = project.digest("sft:a")
    (project.root / "go").unlink()
    steps(project)
    training(project, "r=16")
    kill_at_step_five(project, "r=16")
    steps(project)
    project.ran()

    training(project, "r=8")
    outcome = project.build()

    assert (outcome.code, project.ran(), steps(project)) == (0, [], [])
    assert project.digest("sft:a") == before
    training(project, "r=16")
    assert project.statuses()["sft:a"] == "resumable"
    go(project)
    assert project.build().code == 0
    assert steps(project) == ["r=16 5", "r=16 6"]


def test_afresh_drops_what_earlier_tries_left(project: ToyProject) -> None:
    """And counts the attempts anew."""
    kill_at_step_five(project)
    steps(project)
    go(project)

    project.build(afresh=["sft:a"])

    assert steps(project) == [f"r=8 {step}" for step in range(1, 7)]
    assert facts(project) == {"attempts": 1, "resumed": False, "resumed_from": None}


@pytest.mark.parametrize(
    ("end", "message", "hint"),
    [
        ({"signal": signal.SIGTERM}, "its process was ended by SIGTERM", ""),
        ({"complaint": "no room", "hint": "make some"}, "no room", "make some; then "),
        ({"code": 3}, "its process ended with code 3", ""),
    ],
)
def test_a_failure_tells_the_way_on(
    project: ToyProject, end: dict[str, Any], message: str, hint: str
) -> None:
    """In its hint, and in the stage's state until the next try."""
    training(project, waits_at=None, **end)
    diary = Diary()

    outcome = project.build(diary=diary)

    assert outcome.code == 1
    (failure,) = diary.failures
    assert failure.message == message
    assert failure.hint == f"{hint}`ftc build sft:a` goes on from step 6 of 6"
    state = project.freshness().look()["sft:a"]
    assert (state.status, state.note) == ("failed", f"{message}; goes on from step 6 of 6")


def test_running_out_of_memory_is_told_with_the_way_on(project: ToyProject) -> None:
    """The kernel's SIGKILL names no reason, so the message does."""
    training(project, waits_at=None, signal=signal.SIGKILL)
    diary = Diary()

    project.build(diary=diary)

    (failure,) = diary.failures
    assert failure.message.startswith("its process was ended by SIGKILL, with ")
    assert failure.hint == (
        "most often that is the kernel, out of memory: `dmesg` tells; then "
        "`ftc build sft:a` goes on from step 6 of 6"
    )


def test_a_killed_stage_does_not_end_the_next_try(project: ToyProject) -> None:
    """kill -9 of the trainer alone."""
    training(project, running=str(project.root / "pid"))
    builder = project.build_elsewhere()
    wait_until(lambda: (project.root / "steps").exists())
    wait_until(lambda: "r=8 4\n" in (project.root / "steps").read_text())
    key = project.freshness().look()["sft:a"].key or ""
    wait_until(lambda: (found := manifest.newest(project.store.scratch(key))) and found.done == 4)
    os.kill(int((project.root / "pid").read_text()), signal.SIGKILL)
    builder.wait()
    steps(project)
    go(project)

    outcome = project.build()

    assert (builder.returncode, outcome.code) == (1, 0)
    assert steps(project) == ["r=8 5", "r=8 6"]
    assert facts(project) == {"attempts": 2, "resumed": True, "resumed_from": 4}
