"""`ftc build --locked`: the artifacts of ftc.lock, taken, fetched, or made and compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from elsewhere import Elsewhere, move_away
from ftc.build.locked import LockedOutcome, build_locked, why_it_differs
from ftc.lockfile.lock import Lock, MadeOn
from ftc_runtime.errors import StageError
from toy_project import Diary, ToyProject, toy_command


@pytest.fixture
def project(tmp_path: Path) -> ToyProject:
    """Return a built project whose training is seeded."""
    project = ToyProject(tmp_path)
    project.stage("dataset:d", text="rows")
    project.stage("sft:a", text="r 16", inputs=["dataset:d"])
    project.stages["sft:a"] = project.stages["sft:a"]._replace(reproduces="seeded")
    project.stage("gguf:g", text="file", inputs=["sft:a"])
    project.build()
    project.ran()
    return project


def build(
    project: ToyProject,
    lock: Lock,
    *names: str,
    diary: Diary | None = None,
    supply: Elsewhere | None = None,
) -> LockedOutcome:
    """Build the named stages, or all, as the lock has them."""
    freshness = project.freshness()
    freshness.supply = supply
    return build_locked(
        freshness,
        lock,
        names or list(project.stages),
        reporter=diary or Diary(),
        command=toy_command,
    )


def behave(project: ToyProject, name: str, **params: Any) -> None:
    """Let a stage of the same key do something else."""
    stage = project.stages[name]
    project.stages[name] = stage._replace(params={**stage.params, **params})


def test_what_is_here_is_taken(project: ToyProject) -> None:
    """Nothing runs."""
    done = build(project, project.lock())

    assert (done.outcome.code, project.ran()) == (0, [])
    assert done.outcome.fresh == ["dataset:d", "sft:a", "gguf:g"]
    assert (done.repeated, done.mismatches) == ([], [])


def test_an_empty_store_rebuilds_and_matches_every_digest(project: ToyProject) -> None:
    """Seeded ones too, where nobody has them."""
    lock = project.lock()
    move_away(project)

    done = build(project, lock)

    assert done.outcome.code == 0
    assert project.ran() == done.repeated == ["dataset:d", "sft:a", "gguf:g"]
    assert project.lock().stages == lock.stages
    assert set(project.statuses().values()) == {"fresh"}


def test_a_seeded_stage_is_fetched_and_an_exact_one_is_run_and_compared(
    project: ToyProject,
) -> None:
    """And what only the fetched one was made from is not touched."""
    lock = project.lock()
    supply = move_away(project)
    diary = Diary()

    done = build(project, lock, "gguf:g", diary=diary, supply=supply)

    assert done.outcome.code == 0
    assert project.ran() == done.repeated == ["gguf:g"]
    assert supply.fetched == [lock.stages["sft:a"].outputs["rows"].digest]
    assert diary.lines == ["restored sft:a", "started gguf:g", "finished gguf:g"]


def test_a_supply_that_breaks_its_promise_is_made_good_here(project: ToyProject) -> None:
    """The seeded stage is run and compared in its place."""
    lock = project.lock()
    supply = move_away(project)
    supply.broken = {lock.stages["sft:a"].outputs["rows"].digest}

    done = build(project, lock, "gguf:g", supply=supply)

    assert done.outcome.code == 0
    assert done.repeated == ["dataset:d", "sft:a", "gguf:g"]


def test_other_bytes_are_told_with_both_digests_and_nothing_follows(project: ToyProject) -> None:
    """The stage fails, what needs it is not begun, the lock's digests stay what counts."""
    lock = project.lock()
    move_away(project)
    behave(project, "sft:a", text="as luck will have it")
    diary = Diary()

    done = build(project, lock, diary=diary)

    (mismatch,) = done.mismatches
    locked = lock.stages["sft:a"].outputs["rows"]
    assert (mismatch.stage, mismatch.output, mismatch.locked) == ("sft:a", "rows", locked)
    assert mismatch.here == project.freshness().look()["sft:a"].record.outputs["rows"]  # type: ignore[union-attr]
    assert mismatch.reason == "this stage does not repeat itself here"
    assert diary.failures[0].message == (
        f"rows is {mismatch.here.digest[:19]}, ftc.lock says {locked.digest[:19]}: "
        "this stage does not repeat itself here"
    )
    assert project.ran() == ["dataset:d", "sft:a"]
    assert done.outcome.left_out == ["gguf:g"]


def test_a_local_result_that_differs_is_never_used(project: ToyProject) -> None:
    """The locked one is fetched and goes on; this machine's own record stays as it is."""
    lock = project.lock()
    supply = move_away(project)
    behave(project, "sft:a", text="as luck will have it")
    project.build()
    own = project.freshness().look()["sft:a"].record
    project.ran()

    done = build(project, lock, supply=supply)

    assert done.outcome.code == 0
    assert own is not None and own.outputs != lock.stages["sft:a"].outputs
    assert done.freshness.states["sft:a"].record.outputs == lock.stages["sft:a"].outputs  # type: ignore[union-attr]
    assert done.freshness.states["gguf:g"].record.outputs == lock.stages["gguf:g"].outputs  # type: ignore[union-attr]
    assert project.store.record(own.key) == own


def test_a_local_result_that_differs_is_made_again_where_nobody_has_the_other(
    project: ToyProject,
) -> None:
    """It may come out right this time; the first record stands, the second lies beside it."""
    lock = project.lock()
    move_away(project)
    params = project.stages["sft:a"].params
    behave(project, "sft:a", text="as luck will have it")
    project.build()
    own = project.freshness().look()["sft:a"].record
    behave(project, "sft:a", **params)
    project.ran()

    done = build(project, lock)

    assert done.outcome.code == 0
    assert project.ran() == ["sft:a", "gguf:g"]
    assert done.freshness.states["gguf:g"].record.outputs == lock.stages["gguf:g"].outputs  # type: ignore[union-attr]
    assert own is not None and project.store.record(own.key) == own
    (beside,) = project.store.records(f"{own.key}.alt.").values()
    assert beside.outputs == lock.stages["sft:a"].outputs


def test_a_library_of_another_version_ends_it_before_anything_runs(project: ToyProject) -> None:
    """Although the stage that has it would come last."""
    stage = project.stages["gguf:g"]._replace(libraries={"pydantic": "0.1"})
    project.stages["gguf:g"] = stage
    project.build("sft:a")
    lock = project.lock()
    freshness = project.freshness()
    key = freshness.look()["gguf:g"].key
    assert key is not None
    image = freshness.states["gguf:g"].preimage
    assert image is not None
    entry = lock.stages["sft:a"]._replace(key=key, preimage=image, reproduces="exact")
    outputs = {"rows": entry.outputs["rows"]._replace(digest="sha256:" + "0" * 64)}
    lock = lock._replace(stages={**lock.stages, "gguf:g": entry._replace(outputs=outputs)})
    project.ran()

    with pytest.raises(StageError, match=r"pydantic is .*, the key says 0\.1"):
        build(project, lock)

    assert project.ran() == []


@pytest.mark.parametrize(
    ("locked", "here", "told"),
    [
        (
            MadeOn("avx512f", 2),
            MadeOn("avx2", 2),
            "it was made with avx512f, this one with avx2",
        ),
        (
            MadeOn("avx512f", 2),
            MadeOn("avx512f", 2, "avx2"),
            "ATEN_CPU_CAPABILITY was not set, here it is avx2",
        ),
        (
            MadeOn("avx512f", 8),
            MadeOn("avx512f", 2, None, True),
            "it was made with 8 threads, this one with 2; this run was resumed from a checkpoint",
        ),
        (
            MadeOn("avx2", 2, None, True),
            MadeOn("avx2", 2),
            "it was resumed from a checkpoint",
        ),
        (MadeOn("avx2", 2), MadeOn("avx2", 2), "this stage does not repeat itself here"),
    ],
    ids=["instructions", "capability", "threads and resumed", "resumed", "nothing"],
)
def test_the_reason_is_what_moves_the_last_bits(locked: MadeOn, here: MadeOn, told: str) -> None:
    """As far as both sides know it."""
    assert why_it_differs(locked, here, "seeded") == told


def test_an_exact_stage_that_differs_is_a_bug_of_ours() -> None:
    """It should repeat itself anywhere."""
    assert why_it_differs(MadeOn(), MadeOn("avx2", 2), "exact") == (
        "this stage does not repeat itself here, and should anywhere: that is a bug of ftc"
    )
