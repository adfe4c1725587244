"""What a build has to look at when results are known and their files are not here."""

from __future__ import annotations

from pathlib import Path

import pytest

from elsewhere import Elsewhere
from ftc.plan.freshness import Freshness
from ftc.plan.needed import needed, unsettled
from toy_project import Diary, ToyProject


@pytest.fixture
def project(tmp_path: Path) -> ToyProject:
    """Return a built project: two chains that share their beginning."""
    project = ToyProject(tmp_path)
    project.stage("dataset:d", text="rows")
    project.stage("sft:a", text="r 16", inputs=["dataset:d"])
    project.stage("gguf:g", text="file", inputs=["sft:a"])
    project.stage("score:s", text="scores", inputs=["dataset:d"])
    project.build()
    project.ran()
    return project


def drop(project: ToyProject, *stages: str) -> None:
    """Remove the files of stages, as a collection of garbage would."""
    states = project.freshness().look()
    for name in stages:
        record = states[name].record
        assert record is not None
        for stored in record.outputs.values():
            project.store.path(stored).unlink()


def test_a_fresh_result_needs_nothing_before_it(project: ToyProject) -> None:
    """The records of what was dropped are enough for the keys after them."""
    drop(project, "dataset:d", "sft:a")

    freshness = project.freshness()
    states = freshness.look()
    outcome = project.build("gguf:g")

    assert {name: state.status.value for name, state in states.items()} == {
        "dataset:d": "absent",
        "sft:a": "absent",
        "gguf:g": "fresh",
        "score:s": "fresh",
    }
    assert list(needed(freshness, ["gguf:g"])) == ["gguf:g"]
    assert unsettled(freshness, ["gguf:g", "score:s"]) == []
    assert project.ran() == []
    assert outcome.fresh == ["gguf:g"]


def test_what_must_run_brings_back_what_it_reads_and_no_more(project: ToyProject) -> None:
    """An edit at the end: the dropped stages of its own chain run, and not the other chain's."""
    before = project.digest("sft:a")
    drop(project, "dataset:d", "sft:a", "score:s")
    project.stage("gguf:g", text="another type", inputs=["sft:a"])

    outcome = project.build("gguf:g")

    assert project.ran() == ["dataset:d", "sft:a", "gguf:g"]
    assert outcome.code == 0
    assert project.digest("sft:a") == before


def test_a_supply_gives_the_target_alone(project: ToyProject, tmp_path: Path) -> None:
    """In a bare clone the records come down the chain, and one file is fetched."""
    bare = ToyProject(tmp_path / "clone", stages=dict(project.stages))
    supply = Elsewhere(project.store, bare.store)

    diary = Diary()
    outcome = bare.build("gguf:g", diary=diary, supply=supply)

    assert bare.ran() == project.ran() == []
    assert diary.lines == ["restored gguf:g"]
    assert supply.fetched == [project.digest("gguf:g")]
    assert outcome.made == ["gguf:g"]


def test_a_broken_promise_is_made_good_here(project: ToyProject, tmp_path: Path) -> None:
    """Other bytes than promised: never used, told, and the stage runs, its inputs first."""
    bare = ToyProject(tmp_path / "clone", stages=dict(project.stages))
    supply = Elsewhere(project.store, bare.store)
    supply.broken = {project.digest("gguf:g"), project.digest("sft:a")}

    diary = Diary()
    outcome = bare.build("gguf:g", diary=diary, supply=supply)

    assert outcome.code == 0
    assert project.ran() == ["sft:a", "gguf:g"]
    assert [event["text"] for event in diary.events if event["event"] == "warning"] == [
        "elsewhere has other bytes than it says; it is made here instead"
    ] * 2
    assert bare.freshness().look()["gguf:g"].status.value == "fresh"
    assert outcome.records["gguf:g"].outputs["rows"].digest == project.digest("gguf:g")


def test_a_build_may_leave_the_refs_alone(project: ToyProject) -> None:
    """What the project uses stays what it was; the result is in the store all the same."""
    used = project.store.ref("toy", "gguf:g")
    project.stage("gguf:g", text="aside", inputs=["sft:a"])

    outcome = project.build("gguf:g", keep_refs=False)

    assert outcome.code == 0
    assert project.store.ref("toy", "gguf:g") == used
    assert project.freshness().look()["gguf:g"].status.value == "cached"


def test_every_state_is_told_apart(project: ToyProject, tmp_path: Path) -> None:
    """With a supply, what is not here is remote; without one it is absent."""
    drop(project, "sft:a")
    supply = Elsewhere(project.store, project.store)
    held = ToyProject(tmp_path / "other", stages=dict(project.stages))
    held.build()
    supply.store = held.store

    alone = project.freshness().look()["sft:a"].status.value
    plan = project.freshness()
    supplied = Freshness(plan.plan, plan.store, plan.sources, "toy", supply)

    assert (alone, supplied.look()["sft:a"].status.value) == ("absent", "remote")
