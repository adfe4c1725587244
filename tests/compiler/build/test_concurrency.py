"""Several builds at once, in one store: each key runs once, and a failure stops its own build."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ftc.store.store import Store
from toy_project import ToyProject

WIDE, DEEP = 3, 3


def a_project(folder: Path, *, shared: Path, name: str) -> ToyProject:
    """Return chains whose names are the project's own and whose keys are all projects'."""
    folder.mkdir()
    project = ToyProject(folder, shared=shared)
    for chain in range(WIDE):
        for number in range(DEEP):
            project.stage(
                f"toy:{name}/{chain}-{number}",
                text=f"{chain}-{number}",
                inputs=[f"toy:{name}/{chain}-{number - 1}"] if number else [],
                seconds=0.15,
            )
    return project


@pytest.mark.invariant(6)
def test_two_projects_with_one_store_run_each_key_once(tmp_path: Path) -> None:
    """Two builds of each, with several jobs; whoever waited takes the other's result."""
    projects = [
        a_project(tmp_path / name, shared=tmp_path / "store", name=name) for name in ("a", "b")
    ]

    builders = [project.build_elsewhere(jobs=3) for project in projects for _ in range(2)]
    codes = [builder.wait(timeout=60) for builder in builders]

    ran = Counter(name.split("/")[1] for project in projects for name in project.ran())
    assert codes == [0] * 4
    assert ran == {f"{chain}-{number}": 1 for chain in range(WIDE) for number in range(DEEP)}
    assert all(set(project.statuses().values()) == {"fresh"} for project in projects)
    records = list((tmp_path / "store" / "ac").rglob("*.json"))
    assert len(records) == WIDE * DEEP
    assert all(Store(tmp_path / "store").record(file.stem) for file in records)


def test_a_failure_in_one_of_many_jobs_keeps_the_rest_going_when_asked(tmp_path: Path) -> None:
    """What needs the failed stage is left out in both builds, and nothing else is."""
    projects = [
        a_project(tmp_path / name, shared=tmp_path / "store", name=name) for name in ("a", "b")
    ]
    for project, name in zip(projects, ("a", "b"), strict=True):
        project.stage(f"toy:{name}/0-1", inputs=[f"toy:{name}/0-0"], text="0-1", complaint="no")

    builders = [project.build_elsewhere(jobs=3, keep_going=True) for project in projects]
    codes = [builder.wait(timeout=60) for builder in builders]

    assert codes == [1, 1]
    for project, name in zip(projects, ("a", "b"), strict=True):
        states = project.statuses()
        assert states.pop(f"toy:{name}/0-1") == "failed"
        assert states.pop(f"toy:{name}/0-2") == "pending"
        assert set(states.values()) == {"fresh"}
