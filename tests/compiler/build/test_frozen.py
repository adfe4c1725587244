"""`ftc build --frozen`: the locked outputs of targets, by digest, and nothing of what made them."""

from __future__ import annotations

from pathlib import Path

import pytest

from elsewhere import Elsewhere, move_away
from ftc.build.frozen import NotAtHand, take_frozen
from ftc.lockfile.lock import Lock
from ftc.plan.freshness import Freshness
from ftc.plan.stages import Edge, Target
from ftc.store.store import Store
from toy_project import ToyProject

TARGET = Target("g", "exports", {"g.jsonl": Edge("gguf:g", "rows")})


@pytest.fixture
def project(tmp_path: Path) -> ToyProject:
    """Return a built project with a source, whose last stage has two outputs."""
    project = ToyProject(tmp_path)
    (tmp_path / "rows.txt").write_text("rows")
    project.stage("dataset:d", source=tmp_path / "rows.txt")
    project.stage("gguf:g", inputs=["dataset:d"], outputs={"rows": "rows", "report": "report"})
    project.build()
    project.ran()
    return project


def take(project: ToyProject, lock: Lock, supply: Elsewhere | None = None) -> Freshness:
    """Take the target; return how the stages stand then."""
    freshness = project.freshness()
    freshness.supply = supply
    take_frozen(freshness, lock, [TARGET], told=lambda stage, done, total: None)
    return freshness


def test_only_the_targets_own_output_is_fetched(project: ToyProject) -> None:
    """Not its stage's report, not what it was made from; of those only the records are kept."""
    lock = project.lock()
    supply = move_away(project)
    (project.root / "rows.txt").unlink()

    freshness = take(project, lock, supply)

    wanted = lock.stages["gguf:g"].outputs["rows"]
    assert supply.fetched == [wanted.digest]
    assert project.store.holds(wanted)
    assert project.ran() == []
    assert freshness.states["gguf:g"].record == supply.record(lock.stages["gguf:g"].key)
    assert project.store.ref("toy", "gguf:g") == lock.stages["gguf:g"].key
    assert project.store.ref("toy", "dataset:d") is None
    assert project.store.record(lock.stages["dataset:d"].key) is not None


def test_what_is_in_the_store_needs_no_remote_and_no_source(project: ToyProject) -> None:
    """Nothing is resolved: the source may be gone, the settings may be others by now."""
    lock = project.lock()
    (project.root / "rows.txt").unlink()
    project.stage("gguf:g", text="edited", inputs=["dataset:d"], outputs={"rows": "rows"})

    freshness = take(project, lock)

    assert freshness.states["gguf:g"].key == lock.stages["gguf:g"].key


def test_what_is_nowhere_is_told_with_its_digest_and_where_it_was_looked_for(
    project: ToyProject,
) -> None:
    """All of it at once: not here, not there, not in the lock, broken on the way."""
    lock = project.lock()
    digest = lock.stages["gguf:g"].outputs["rows"].digest
    supply = move_away(project)
    nothing = Elsewhere(Store(project.root / "nothing"), project.store)
    broken = Elsewhere(supply.store, project.store)
    broken.broken = {digest}

    def told(lock: Lock, supply: Elsewhere | None) -> list[tuple[str | None, str]]:
        with pytest.raises(NotAtHand) as caught:
            take(project, lock, supply)
        return [(one.digest, one.problem) for one in caught.value.missing]

    root = project.store.root
    assert told(lock, None) == [(digest, f"it is not in {root}, and there is no remote")]
    assert told(lock, nothing) == [(digest, f"it is neither in {root} nor in a remote")]
    assert told(lock, broken) == [(digest, "elsewhere has other bytes than it says")]
    assert told(Lock(), supply) == [
        (None, "it is not in ftc.lock: `ftc build` or `ftc lock` writes it there")
    ]
    assert project.store.ref("toy", "gguf:g") is None


def test_a_later_build_goes_on_from_there(project: ToyProject) -> None:
    """The target is fresh, and what is before it is known."""
    lock = project.lock()
    supply = move_away(project)
    supply.fetched.clear()
    freshness = project.freshness()
    freshness.supply = supply
    whole = Target("g", "stages", {name: Edge("gguf:g", name) for name in ("rows", "report")})

    take_frozen(freshness, lock, [whole], told=lambda stage, done, total: None)

    assert project.statuses() == {"dataset:d": "absent", "gguf:g": "fresh"}
    assert project.build("gguf:g").fresh == ["gguf:g"]
    assert project.ran() == []
