"""What is lost comes back from a supply, or is noted as missing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ftc.plan.keys import key_of
from ftc.store.care.repair import mend, recover
from ftc.store.care.verify import damages
from ftc.store.objects import Stored
from ftc.store.records import Record
from ftc.store.store import Store
from ftc.store.supply import SupplyFault
from toy_project import ToyProject


class Copy:
    """A supply that is a copy of the store's objects."""

    def __init__(self, objects: Path, store: Store) -> None:
        """*objects* has the files; *store* gets them."""
        self._objects, self._store = objects, store

    def record(self, key: str) -> Record | None:
        """See `Supply`."""
        return None

    def holds(self, stored: Stored) -> bool:
        """See `Supply`."""
        return self._place(stored).exists()

    def fetch(self, stored: Stored, told: Callable[[int, int], None]) -> str:
        """See `Supply`."""
        copy = self._store.root / "tmp" / "copy"
        shutil.copyfile(self._place(stored), copy)
        if self._store.put(copy) != stored:
            raise SupplyFault("the copy has other bytes than it says")
        return "the copy"

    def forget(self, key: str) -> None:
        """See `Supply`."""

    def _place(self, stored: Stored) -> Path:
        name = stored.digest.removeprefix("sha256:")
        return self._objects / name[:2] / name


@pytest.fixture
def project(tmp_path: Path) -> ToyProject:
    """Return a built project whose first result is lost, with a copy of its objects."""
    project = ToyProject(tmp_path)
    project.stage("dataset:d", text="rows")
    project.stage("sft:a", inputs=["dataset:d"])
    project.build()
    project.ran()
    shutil.copytree(tmp_path / ".ftc" / "objects", tmp_path / "copy")
    project.store.place(project.digest("dataset:d")).unlink()
    return project


def repair(project: ToyProject, supply: Copy | None) -> list[str]:
    """Do what `ftc verify --repair` does; return the keys whose files were fetched."""
    for damage in damages(project.store, told=lambda read, total: None, key_of=key_of):
        mend(project.store, damage)
    return recover(project.store, supply)


def test_what_is_lost_is_fetched(project: ToyProject) -> None:
    """Then nothing is damaged, and nothing runs."""
    fetched = repair(project, Copy(project.root / "copy", project.store))

    assert fetched == [project.freshness().look()["dataset:d"].key]
    assert repair(project, None) == []
    assert project.statuses() == {"dataset:d": "fresh", "sft:a": "fresh"}


def test_a_supply_with_other_bytes_is_not_believed(project: ToyProject) -> None:
    """The result is noted as missing instead, and a build makes it anew."""
    for path in (project.root / "copy").glob("*/*"):
        path.chmod(0o644)
        path.write_text("other")

    fetched = repair(project, Copy(project.root / "copy", project.store))
    statuses = project.statuses()
    project.build()

    assert fetched == []
    assert statuses == {"dataset:d": "absent", "sft:a": "fresh"}
    assert project.ran() == ["dataset:d"]
    assert project.statuses() == {"dataset:d": "fresh", "sft:a": "fresh"}


def test_what_is_noted_as_missing_is_no_damage_any_more(project: ToyProject) -> None:
    """A second look at a repaired store finds nothing."""
    repair(project, None)

    found = damages(project.store, told=lambda read, total: None, key_of=key_of)

    assert found == []
