"""Kills and interrupts of a whole build: what is left running, and what is believed afterwards."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ftc.store.digests import digest_of_file
from ftc.store.locks import holder_of
from toy_project import ToyProject, is_alive, wait_until


def family_of(project: ToyProject) -> list[int]:
    """Return the processes of the stage that leaves children, once they run."""
    pids = project.root / "pids"
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 4)
    return [int(pid) for pid in pids.read_text().split()]


@pytest.fixture
def project(tmp_path: Path) -> ToyProject:
    """Return a project whose second stage has a family and would run for a minute."""
    project = ToyProject(tmp_path)
    project.stage("dataset:d", text="rows")
    project.stage("sft:a", inputs=["dataset:d"], children=str(tmp_path / "pids"), seconds=60)
    return project


def finish(project: ToyProject) -> None:
    """Build what was interrupted, with a stage that ends."""
    project.ran()
    project.stage("sft:a", inputs=["dataset:d"])
    outcome = project.build()
    assert outcome.code == 0
    assert project.ran() == ["sft:a"]


def test_nothing_outlives_a_killed_build(project: ToyProject) -> None:
    """Its children, and its grandchild in another session, well within 15 seconds."""
    builder = project.build_elsewhere()
    family = family_of(project)
    key = project.freshness().look()["sft:a"].key
    assert key is not None

    builder.kill()
    builder.wait()

    wait_until(lambda: not any(is_alive(pid) for pid in family), seconds=15)
    wait_until(lambda: holder_of(project.store, key) is None, seconds=2)
    assert project.statuses() == {"dataset:d": "fresh", "sft:a": "stale"}
    finish(project)


def test_the_key_stays_locked_until_the_last_process_is_gone(project: ToyProject) -> None:
    """A deaf orphan has ten seconds; nobody may build in its folder meanwhile."""
    project.stage(
        "sft:a", inputs=["dataset:d"], running=str(project.root / "pid"), deaf=True, seconds=60
    )
    builder = project.build_elsewhere()
    wait_until((project.root / "pid").exists)
    stage = int((project.root / "pid").read_text())

    builder.kill()
    builder.wait()
    time.sleep(0.5)
    status = project.statuses()["sft:a"]
    alive = is_alive(stage)
    finish(project)

    assert (alive, status) == (True, "running")
    assert not is_alive(stage)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_everything_within_seconds(project: ToyProject, number: int) -> None:
    """Exit code 130, no failure on record, and the next build is right."""
    builder = project.build_elsewhere()
    family = family_of(project)
    started = time.monotonic()

    builder.send_signal(number)
    printed, _ = builder.communicate(timeout=20)

    assert time.monotonic() - started < 3
    assert builder.returncode == 130
    assert not any(is_alive(pid) for pid in family)
    assert printed == "started dataset:d\nfinished dataset:d\nstarted sft:a\n"
    assert project.statuses() == {"dataset:d": "fresh", "sft:a": "stale"}
    finish(project)


def test_a_second_interrupt_does_not_wait_for_the_deaf(project: ToyProject) -> None:
    """Ctrl-C, Ctrl-C."""
    project.stage("sft:a", running=str(project.root / "pid"), deaf=True, seconds=60)
    builder = project.build_elsewhere()
    wait_until((project.root / "pid").exists)

    builder.send_signal(signal.SIGINT)
    time.sleep(0.7)
    patient = builder.poll()
    builder.send_signal(signal.SIGINT)

    assert patient is None
    assert builder.wait(timeout=3) == 130
    assert not is_alive(int((project.root / "pid").read_text()))


def test_an_interrupt_ends_the_waiting_for_another_build(project: ToyProject) -> None:
    """The other one goes on."""
    first = project.build_elsewhere()
    family = family_of(project)
    second = project.build_elsewhere()
    assert second.stdout is not None
    time.sleep(1.5)

    second.send_signal(signal.SIGINT)
    printed, _ = second.communicate(timeout=5)

    assert second.returncode == 130
    assert printed.startswith(f"waiting sft:a for {first.pid}\n")
    assert is_alive(family[0])
    first.send_signal(signal.SIGINT)
    assert first.wait(timeout=5) == 130


def test_killed_at_random_moments_a_build_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    """After each kill no object and no record lies; in the end all digests are equal."""
    stages = {f"toy:{number}": [f"toy:{number - 1}"] if number else [] for number in range(8)}
    projects = [ToyProject(tmp_path / name) for name in ("disturbed", "calm")]
    for project in projects:
        project.root.mkdir()
        for name, inputs in stages.items():
            project.stage(name, text=name, inputs=inputs)
    disturbed, calm = projects
    moments = random.Random(7)

    for _ in range(10):
        builder = disturbed.build_elsewhere()
        try:
            builder.wait(timeout=moments.uniform(0.2, 1.2))
        except subprocess.TimeoutExpired:
            builder.kill()
            builder.wait()
        check_store(disturbed)
    outcomes = [project.build() for project in projects]

    assert [outcome.code for outcome in outcomes] == [0, 0]
    assert {name: disturbed.digest(name) for name in stages} == {
        name: calm.digest(name) for name in stages
    }


def check_store(project: ToyProject) -> None:
    """Fail where a name or a record does not hold."""
    for blob in (project.root / ".ftc" / "objects").rglob("*"):
        assert blob.is_dir() or digest_of_file(blob) == f"sha256:{blob.name}"
    for file in (project.root / ".ftc" / "ac").rglob("*.json"):
        record = project.store.record(file.stem)
        assert record is not None and project.store.complete(record)
