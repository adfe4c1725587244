"""ftc.lock follows what is built."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ftc.build.locking import keep_lock
from ftc.build.ready import hold_libraries
from ftc.diagnostics import ProjectError
from ftc.lockfile.reading import read
from ftc_runtime.errors import StageError
from toy_project import ToyProject


@pytest.fixture
def project(tmp_path: Path) -> ToyProject:
    """Return a project of two stages."""
    project = ToyProject(tmp_path)
    project.stage("dataset:d", text="rows")
    project.stage("sft:a", text="r 16", inputs=["dataset:d"])
    return project


def build_and_keep(project: ToyProject, *names: str) -> None:
    """Build, and write the lock."""
    project.build(*names)
    freshness = project.freshness()
    freshness.look()
    keep_lock(freshness, names)


def test_the_lock_has_what_was_built_and_all_before_it(project: ToyProject) -> None:
    """A new result takes the place of the old; other stages stay as they are."""
    build_and_keep(project, "dataset:d")
    first = read(project.root)
    build_and_keep(project, "sft:a")
    second = read(project.root)
    project.stage("sft:a", text="r 8", inputs=["dataset:d"])
    build_and_keep(project, "sft:a")
    third = read(project.root)

    assert list(first.stages) == ["dataset:d"]
    assert list(second.stages) == list(third.stages) == ["dataset:d", "sft:a"]
    assert third.stages["dataset:d"] == first.stages["dataset:d"]
    assert third.stages["sft:a"].preimage["spec"]["text"] == "r 8"


def test_the_same_results_leave_the_lock_alone(project: ToyProject) -> None:
    """It is not even read as TOML: to parse a thousand stages takes a second."""
    build_and_keep(project, "sft:a")
    lock = project.root / "ftc.lock"
    lock.write_text(lock.read_text().replace("version = 1", "version = one", 1))

    build_and_keep(project, "sft:a")

    assert "version = one" in lock.read_text()


def test_a_stage_that_is_gone_goes(project: ToyProject) -> None:
    """With the next build of anything."""
    build_and_keep(project, "sft:a")
    del project.stages["sft:a"]

    build_and_keep(project, "dataset:d")

    assert list(read(project.root).stages) == ["dataset:d"]


def test_a_lock_in_conflict_is_not_written_over(project: ToyProject) -> None:
    """The pins of either side would be lost."""
    build_and_keep(project, "dataset:d")
    lock = project.root / "ftc.lock"
    lock.write_text(f"<<<<<<< ours\n{lock.read_text()}=======\n>>>>>>> theirs\n")

    with pytest.raises(ProjectError, match="holds a merge conflict"):
        build_and_keep(project, "sft:a")


def test_a_thousand_stages_that_stand_cost_little(project: ToyProject) -> None:
    """A build that finds all fresh compares text."""
    project.stages.clear()
    for number in range(1000):
        project.stage(f"dataset:{number}", text=str(number))
    freshness = project.freshness()
    for stage in freshness.plan.stages.values():
        _publish(project, stage.name)
    freshness.look()
    names = list(freshness.plan.stages)
    keep_lock(freshness, names)

    started = time.perf_counter()
    keep_lock(freshness, names)

    # Measured on a busy machine: 0.05 s; parsing takes 0.6 s.
    assert time.perf_counter() - started < 0.3


def _publish(project: ToyProject, name: str) -> None:
    from ftc.plan.keys import key_of, preimage
    from ftc.store.objects import Stored
    from ftc.store.records import Record

    image = preimage(project.stages[name], {})
    empty = Stored(
        "sha256:" + "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0, "file"
    )
    place = project.store.path(empty)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    record = Record(key_of(image), image, {"rows": empty})
    file = project.store.root / "ac" / record.key[:2] / f"{record.key}.json"
    from ftc.store.records import encode_record

    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encode_record(record))


def test_a_library_of_another_version_is_told_before_anything_runs(project: ToyProject) -> None:
    """Of all that may run, what is pending too; not of what is here."""
    stage = project.stages["sft:a"]._replace(libraries={"pydantic": "0.1"})
    project.stages["sft:a"] = stage
    freshness = project.freshness()
    freshness.look()

    with pytest.raises(StageError) as caught:
        hold_libraries(freshness, ["sft:a"])
    hold_libraries(freshness, ["dataset:d"])
    project.build()
    freshness.look()
    hold_libraries(freshness, ["sft:a"])

    assert caught.value.message.endswith("the key says 0.1")
    assert caught.value.hint == (
        "pip install pydantic==0.1, or go on with what is installed: ftc lock --upgrade env"
    )
