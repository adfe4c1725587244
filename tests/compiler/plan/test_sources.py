"""Sources that lie here: what a look reads, and what it leaves to a build."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ftc.plan import sources
from ftc.plan.sources import Sources
from ftc.plan.stages import OutsideSource
from ftc.store.statcache import StatCache
from ftc.store.store import Store
from toy_project import ToyProject

LOOK_BYTES = 1000


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a look read a thousand bytes."""
    monkeypatch.setattr(sources, "LOOK_BYTES", LOOK_BYTES)


def files_of(folder: Path, sizes: Sequence[int]) -> list[OutsideSource]:
    """Write files of the sizes, and return them as sources."""
    folder.mkdir(exist_ok=True)
    for number, size in enumerate(sizes):
        (folder / str(number)).write_bytes(bytes(size))
    return [OutsideSource(str(n), path=folder / str(n)) for n in range(len(sizes))]


def test_a_look_reads_small_files_and_leaves_large_ones(tmp_path: Path) -> None:
    """What is left says how much it is, and who reads it."""
    small, large = files_of(tmp_path / "data", [10, LOOK_BYTES + 1])
    found = Sources(tmp_path, StatCache(Store(tmp_path / ".ftc")))

    first, second = found.find(small), found.find(large)

    assert first.digest is not None and first.problem is None
    assert second.digest is None and not second.unpinned
    assert second.problem == "0.0 GB not read yet: ftc build reads it once"


def test_many_small_files_are_much_too(tmp_path: Path) -> None:
    """What one look may read is for all sources together; the next look may read as much."""
    given = files_of(tmp_path / "data", [400] * 4)
    found = Sources(tmp_path, StatCache(Store(tmp_path / ".ftc")))

    looks = []
    for _ in range(2):
        found.begin_look()
        looks.append([found.find(source).digest is not None for source in given])

    assert looks[0] == [True, True, False, False]


def test_after_reading_all_digests_are_known(tmp_path: Path) -> None:
    """Also to a later command, which may read little again."""
    given = files_of(tmp_path / "data", [10, 5000, 7000])
    missing = OutsideSource("gone", path=tmp_path / "gone")
    cache = StatCache(Store(tmp_path / ".ftc"))
    told: list[tuple[int, int]] = []

    Sources(tmp_path, cache).read([*given, missing], told=lambda *much: told.append(much))
    later = Sources(tmp_path, StatCache(Store(tmp_path / ".ftc")))

    assert told[-1] == (12_010, 12_010)
    assert all(later.find(source).digest for source in given)
    assert later.find(missing).problem == "gone does not exist"


def test_a_build_reads_no_weights_that_it_does_not_need(tmp_path: Path) -> None:
    """Though it looks at the whole plan."""
    small, large = files_of(tmp_path / "data", [10, 5000])
    project = ToyProject(tmp_path)
    project.stage("model:small", source=small.path)
    project.stage("model:large", source=large.path, text="large")
    told: list[tuple[int, int]] = []

    outcome = project.build("model:small", reading=lambda *much: told.append(much))

    assert outcome.code == 0
    assert told == [(0, 10), (10, 10)]
    assert project.statuses() == {"model:small": "fresh", "model:large": "unresolved"}


def test_a_build_reads_what_a_look_left_and_all_is_fresh_after_it(tmp_path: Path) -> None:
    """Until then the source is unresolved, and what needs it pending."""
    weights = tmp_path / "weights"
    weights.write_bytes(bytes(LOOK_BYTES + 1))
    project = ToyProject(tmp_path)
    project.stage("model:m", source=weights)
    project.stage("sft:a", inputs=["model:m"])
    told: list[tuple[int, int]] = []

    before = project.freshness().look()
    outcome = project.build(reading=lambda *much: told.append(much))

    assert {name: str(state.status) for name, state in before.items()} == {
        "model:m": "unresolved",
        "sft:a": "pending",
    }
    assert before["model:m"].note == "0.0 GB not read yet: ftc build reads it once"
    assert outcome.code == 0
    assert told == [(0, 1001), (1001, 1001)]
    assert set(project.statuses().values()) == {"fresh"}


def test_of_a_package_that_is_not_installed_the_lock_knows_the_digest(tmp_path: Path) -> None:
    """So results that others made of it can be fetched; here nothing is made from it."""
    project = ToyProject(tmp_path)
    package = tmp_path / "model.gguf"
    package.write_bytes(b"GGUF")
    made = project.stage("model:base", source=package)
    project.stage("sft:a", inputs=["model:base"])
    digest = project.freshness().sources.find(OutsideSource("model.gguf", path=package)).digest
    project.build()
    for blob in (tmp_path / ".ftc" / "objects").rglob("*"):
        blob.unlink() if blob.is_file() else None
    gone = OutsideSource("package://absent/model.gguf")
    project.stages["model:base"] = made._replace(source=gone)
    unlocked = project.statuses()
    lines = [f'[source."{gone.uri}"]', f'digest = "{digest}"', "bytes = 4"]
    (tmp_path / "ftc.lock").write_text("\n".join(["version = 1", "", *lines]) + "\n")

    locked = project.statuses()
    outcome = project.build()

    assert unlocked == {"model:base": "unresolved", "sft:a": "pending"}
    assert locked == {"model:base": "absent", "sft:a": "absent"}
    assert outcome.failed["model:base"].message == f"{gone.uri} is not here: pip install absent"
