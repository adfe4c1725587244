"""What ftc.lock and the plan say of each other, leaf by leaf, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftc.lockfile.lock import Content, Lock, MadeOn
from ftc.plan.locked import Difference, differences, entry_of, gone, updated
from toy_project import ToyProject


@pytest.fixture
def project(tmp_path: Path) -> ToyProject:
    """Return a built project: a source, then two stages in a row."""
    project = ToyProject(tmp_path)
    rows = tmp_path / "rows.txt"
    rows.write_text("rows")
    project.stage("dataset:d", source=rows)
    project.stage("sft:a", text="r 16", inputs=["dataset:d"])
    project.stage("gguf:g", text="file", inputs=["sft:a"])
    project.build()
    return project


def told(project: ToyProject, lock: Lock) -> list[tuple[str, list[str], str | None]]:
    """Return each difference: the stage, its changes in words, the note."""
    freshness = project.freshness()
    found = differences(lock, freshness.plan, freshness.sources, freshness.plan.stages)
    return [(one.stage, [c.words() for c in one.changes], one.note) for one in found]


def test_the_lock_holds_what_is_known_and_each_source(project: ToyProject) -> None:
    """Keys, outputs and the whole preimage; nothing differs then."""
    lock = project.lock()

    states = project.freshness().look()
    assert list(lock.stages) == ["dataset:d", "sft:a", "gguf:g"]
    for name, state in states.items():
        assert state.record is not None
        assert lock.stages[name].key == state.key
        assert lock.stages[name].preimage == state.preimage
        assert lock.stages[name].outputs == state.record.outputs
    digest = lock.stages["dataset:d"].preimage["inputs"]["source"]
    assert lock.contents == {"rows.txt": Content(digest, 4)}
    assert told(project, lock) == []


def test_one_changed_setting_is_told_of_one_stage(project: ToyProject) -> None:
    """Those after it are not: the lock has the digests that they read."""
    lock = project.lock()

    project.stage("sft:a", text="r 8", inputs=["dataset:d"])

    assert told(project, lock) == [("sft:a", ["text r 16 -> r 8"], None)]


def test_an_edited_source_a_library_and_a_version_are_told(project: ToyProject) -> None:
    """Each in its own words, whatever else differs."""
    lock = project.lock()
    (project.root / "rows.txt").write_text("other rows")
    project.stages["sft:a"] = project.stages["sft:a"]._replace(libraries={"torch": "2.13.0"})
    project.stages["gguf:g"] = project.stages["gguf:g"]._replace(version=2)

    assert told(project, lock) == [
        ("dataset:d", ["rows.txt changed"], None),
        ("sft:a", ["libraries.torch (unset) -> 2.13.0"], None),
        ("gguf:g", ["version 1 -> 2"], None),
    ]


def test_another_input_is_told(project: ToyProject) -> None:
    """The stage reads another stage's output than the lock says."""
    lock = project.lock()
    project.stage("gguf:g", text="file", inputs=["dataset:d"])

    assert told(project, lock) == [("gguf:g", ["dataset:d (rows) changed"], None)]


def test_what_the_lock_does_not_know_is_told_by_itself(project: ToyProject) -> None:
    """A new stage, one under a new name, a source that is gone; what follows is told apart."""
    lock = project.lock()
    renamed = project.stages.pop("gguf:g")._replace(name="gguf:new")
    project.stages["gguf:new"] = renamed
    project.stage("score:s", text="scores", inputs=["gguf:new"])
    (project.root / "rows.txt").unlink()

    assert told(project, lock) == [
        ("dataset:d", [], "rows.txt does not exist"),
        ("gguf:new", [], "is not in ftc.lock, which calls it gguf:g"),
        ("score:s", [], "is not in ftc.lock"),
    ]
    assert list(gone(lock, project.freshness().plan)) == [
        Difference("gguf:g", note="is in ftc.lock, and no longer in the project")
    ]


def test_a_lock_that_was_edited_by_hand_is_noticed(project: ToyProject) -> None:
    """Its key is the hash of what stands beside it, or the lock is wrong."""
    lock = project.lock()
    entry = lock.stages["sft:a"]
    entry.preimage["spec"]["text"] = "r 32"

    assert told(project, lock) == [
        ("sft:a", [], "what ftc.lock says of it does not make up its key")
    ]


def test_a_stage_that_is_gone_from_the_plan_goes_and_the_others_stay(project: ToyProject) -> None:
    """Only what is named is updated."""
    lock = project.lock()
    del project.stages["gguf:g"]
    project.stage("dataset:d", text="another")
    freshness = project.freshness()

    now = updated(lock, freshness.plan, freshness.look(), ["sft:a"], freshness.sources)

    assert now == Lock(
        contents={}, stages={name: lock.stages[name] for name in ("dataset:d", "sft:a")}
    )


def test_env_holds_the_versions_that_the_stages_hold(project: ToyProject) -> None:
    """Those of the plan, of libraries that some stage of the lock has in its key."""
    project.stages["sft:a"] = project.stages["sft:a"]._replace(libraries={"torch": "2.13.0"})
    project.stage("score:never-built", inputs=["gguf:g"], seconds=9)
    never = project.stages["score:never-built"]._replace(libraries={"rouge-score": "0.1.2"})
    project.stages["score:never-built"] = never
    project.build("gguf:g")

    assert project.lock().env == {"torch": "2.13.0"}


def test_a_seeded_stage_says_what_it_was_made_on_and_an_exact_one_does_not(
    project: ToyProject,
) -> None:
    """Who made the same bytes first stays in the lock."""
    stage = project.stages["sft:a"]
    record = project.freshness().look()["sft:a"].record
    assert record is not None
    facts = {"instruction_set": "avx2", "threads": 2, "aten_cpu_capability": None}
    ours = record._replace(facts=facts)
    seeded = stage._replace(reproduces="seeded")

    first = entry_of(seeded, ours, before=None)
    again = entry_of(seeded, ours._replace(facts={**facts, "threads": 64}), before=first)

    assert entry_of(stage, ours, before=None).made_on == MadeOn()
    assert first.made_on == MadeOn("avx2", 2)
    assert again == first
