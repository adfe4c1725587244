"""Every class of reason why a stage would run, and what it is compared with."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftc.build.locking import keep_lock
from ftc.plan.freshness import State, Status, ends
from toy_project import ToyProject


@pytest.fixture
def project(tmp_path: Path) -> ToyProject:
    """Return a built project with a source, and its lock."""
    project = ToyProject(tmp_path)
    (tmp_path / "rows.txt").write_text("rows")
    project.stage("dataset:d", source=tmp_path / "rows.txt")
    project.stage("sft:a", text="r 16", inputs=["dataset:d"])
    project.stage("merge:m", text="dtype", inputs=["sft:a"])
    project.stage("gguf:g", text="file", inputs=["merge:m", "dataset:d"])
    project.build()
    freshness = project.freshness()
    freshness.look()
    keep_lock(freshness, list(project.stages))
    return project


def told(state: State) -> tuple[str, list[str], str | None]:
    """Return the status, the changes in words, and the note."""
    return state.status.value, [change.words() for change in state.changes], state.note


def look(project: ToyProject, stage: str) -> tuple[str, list[str], str | None]:
    """Return how one stage stands."""
    return told(project.freshness().look()[stage])


def test_a_setting_a_library_and_a_version_are_told_before_and_now(project: ToyProject) -> None:
    """All that differs in the stage itself."""
    project.stage("sft:a", text="r 8", inputs=["dataset:d"])
    stage = project.stages["sft:a"]
    project.stages["sft:a"] = stage._replace(libraries={"torch": "2.13.0"}, version=2)

    assert look(project, "sft:a") == (
        "stale",
        ["text r 16 -> r 8", "libraries.torch (unset) -> 2.13.0", "version 1 -> 2"],
        None,
    )


def test_a_source_and_an_input_are_told_by_name(project: ToyProject) -> None:
    """The edited file; then, once that is read again, the output that follows from it."""
    (project.root / "rows.txt").write_text("other rows")

    edited = look(project, "dataset:d")
    project.build("dataset:d")

    assert edited == ("stale", ["rows.txt changed"], None)
    assert look(project, "sft:a") == ("stale", ["dataset:d (rows) changed"], None)


def test_a_stage_that_waits_tells_its_own_changes_and_where_the_chain_ends(
    project: ToyProject,
) -> None:
    """Not what it waits for directly, but what has to run in any case."""
    project.stage("sft:a", text="r 8", inputs=["dataset:d"])
    project.stage("gguf:g", text="other", inputs=["merge:m", "dataset:d"])
    freshness = project.freshness()

    states = freshness.look()

    assert told(states["gguf:g"]) == ("pending", [], "merge:m")
    assert ends(states, "gguf:g") == ends(states, "merge:m") == ["sft:a"]
    assert ends(states, "dataset:d") == []
    own = freshness.own_changes(project.stages["gguf:g"])
    assert [change.words() for change in own] == ["text file -> other"]
    assert freshness.own_changes(project.stages["merge:m"]) == ()


def test_the_same_bytes_stop_the_chain(project: ToyProject) -> None:
    """Early cutoff: what waited is fresh, although what it waited for has run."""
    project.stage("sft:a", text="r 16", aside="reworded", inputs=["dataset:d"])
    before = look(project, "merge:m")

    project.build("sft:a")

    assert before == ("pending", [], "sft:a")
    assert look(project, "merge:m") == ("fresh", [], None)


def test_a_fresh_clone_is_compared_with_the_lock(project: ToyProject) -> None:
    """There is no earlier run here, and the lock knows one; pending ones tell their own changes."""
    (project.root / ".ftc").rename(project.root / "elsewhere")
    never = look(project, "dataset:d")
    project.stages["dataset:d"] = project.stages["dataset:d"]._replace(version=2)
    project.stage("gguf:g", text="other", inputs=["merge:m", "dataset:d"])
    freshness = project.freshness()

    states = freshness.look()

    assert never == ("stale", [], "never built")
    assert told(states["dataset:d"]) == (
        "stale",
        ["version 1 -> 2"],
        "never built here: compared with ftc.lock",
    )
    own = freshness.own_changes(project.stages["gguf:g"])
    assert [change.words() for change in own] == ["text file -> other"]


def test_a_result_from_before_and_one_without_files_are_told_apart(project: ToyProject) -> None:
    """Cached says what a build swings back; absent is known, and that is all."""
    project.stage("sft:a", text="r 8", inputs=["dataset:d"])
    project.build()
    project.stage("sft:a", text="r 16", inputs=["dataset:d"])

    back = look(project, "sft:a")
    record = project.freshness().look()["sft:a"].record
    assert record is not None
    project.store.path(record.outputs["rows"]).unlink()
    gone = project.freshness().look()["sft:a"]

    assert back == ("cached", ["text r 8 -> r 16"], None)
    assert gone.status is Status.ABSENT
    assert gone.known is not None
