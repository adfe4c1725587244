"""Builds with remotes: what is there is fetched, what is not right is never used."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ftc.store.objects import Stored
from ftc.store.remotes.directory import Directory
from ftc.store.remotes.layout import blob_name
from ftc.store.remotes.place import Address, RemoteFault
from ftc.store.remotes.push import push
from ftc.store.remotes.remote import Remote
from remote_places import address, files_below, remote, supply
from toy_project import Diary, ToyProject

TREE = {"rows": "rows", "model": "model"}


def chain(root: Path) -> ToyProject:
    """Return a project of three stages, each reading the one before; one output is a folder."""
    root.mkdir()
    project = ToyProject(root)
    project.stage("first", text="1")
    project.stage("second", text="2", inputs=["first"], outputs=TREE)
    project.stage("third", text="3", inputs=["second>model"])
    return project


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """Return a folder to which all results of the chain were pushed."""
    project = chain(tmp_path / "origin")
    records = project.build().records
    for record in records.values():
        push(project.store, remote(tmp_path / "team"), record, told=lambda sent, total: None)
    return tmp_path / "team"


@pytest.fixture
def clone(tmp_path: Path) -> ToyProject:
    """Return the same project where nothing was built."""
    return chain(tmp_path / "clone")


def blob_of(team: Path, project: ToyProject, stage: str, output: str) -> Path:
    """Return the file of an output, or of a tree's listing, in a remote."""
    freshness = project.freshness()
    freshness.supply = supply(project.store, remote(team))
    record = freshness.look()[stage].record
    assert record is not None
    return team / blob_name(record.outputs[output].digest)


def test_a_bare_clone_fetches_all_and_runs_nothing(team: Path, clone: ToyProject) -> None:
    """Though only the last stage's files are wanted, if only that is named."""
    outcome = clone.build(supply=supply(clone.store, remote(team)))

    assert (outcome.code, clone.ran()) == (0, [])
    assert clone.statuses() == dict.fromkeys(("first", "second", "third"), "fresh")


def test_one_target_needs_no_files_of_those_before_it(team: Path, clone: ToyProject) -> None:
    """Their records are enough to know its key."""
    diary = Diary()

    clone.build("third", supply=supply(clone.store, remote(team)), diary=diary)

    assert (diary.lines, clone.ran()) == (["restored third"], [])
    objects = [path for path in (clone.root / ".ftc" / "objects").rglob("*") if path.is_file()]
    assert len(objects) == 1


@pytest.mark.invariant(8)
@pytest.mark.parametrize("damage", ["missing", "truncated", "foreign"])
@pytest.mark.parametrize("output", ["rows", "model"])
def test_a_result_that_is_not_whole_there_is_made_here(
    damage: str, output: str, team: Path, clone: ToyProject
) -> None:
    """Never used, whatever its record says; for a tree the listing is what is spoilt."""
    blob = blob_of(team, clone, "second", output)
    content = blob.read_bytes()
    blob.unlink()
    if damage == "truncated":
        blob.write_bytes(content[:-1])
    elif damage == "foreign":
        blob.write_bytes(content[:-1] + b"?")
    diary = Diary()

    outcome = clone.build(supply=supply(clone.store, remote(team)), diary=diary)

    assert (outcome.code, clone.ran()) == (0, ["second"])
    assert clone.digest("second", output) == "sha256:" + blob.name
    assert clone.store.place("sha256:" + blob.name).read_bytes() == content
    warned = [event["text"] for event in diary.events if event["event"] == "warning"]
    told = f"remote team has other bytes under sha256:{blob.name}; it is made here instead"
    assert warned == ([told] if damage == "foreign" and output == "rows" else [])


def test_a_remote_that_is_gone_is_told_once_and_left_out(clone: ToyProject, tmp_path: Path) -> None:
    """The build goes on without it."""
    lost: list[RemoteFault] = []
    absent = remote(tmp_path / "nowhere", writable=False)

    outcome = clone.build(supply=supply(clone.store, absent, lost=lost))

    assert (outcome.code, clone.ran()) == (0, ["first", "second", "third"])
    assert [fault.message for fault in lost] == [
        f"remote team: there is no folder {tmp_path}/nowhere"
    ]


class Dying(Directory):
    """A folder that answers questions and then, in the middle of a file, no more."""

    def download(self, name: str, *, start: int, size: int, sink: Callable[[bytes], None]) -> None:
        """Give half of it."""
        sink((self._root / name).read_bytes()[start : size // 2])
        raise RemoteFault("remote team: it does not answer")


def dying(at: Address) -> Dying:
    """Open a folder that dies."""
    return Dying(at.name, Path(at.url), writable=True)


def test_a_remote_that_dies_in_the_middle_is_done_without(team: Path, clone: ToyProject) -> None:
    """What it promised is made here, and what it needs first."""
    lost: list[RemoteFault] = []

    outcome = clone.build(
        "third", supply=supply(clone.store, Remote(address(team), dying), lost=lost)
    )

    assert (outcome.code, clone.ran()) == (0, ["first", "second", "third"])
    assert [fault.message for fault in lost] == ["remote team: it does not answer"]


def test_what_the_first_remote_lacks_comes_from_the_second(
    team: Path, clone: ToyProject, tmp_path: Path
) -> None:
    """They are tried in order, blob by blob."""
    blob = blob_of(team, clone, "second", "rows")
    other = tmp_path / "other" / blob.relative_to(team)
    other.parent.mkdir(parents=True)
    blob.rename(other)
    both = supply(clone.store, remote(team), remote(tmp_path / "other"))

    outcome = clone.build(supply=both)

    assert (outcome.code, clone.ran()) == (0, [])


class Far(Directory):
    """A folder that is a round trip away, and counts the questions."""

    asked = 0
    counting = threading.Lock()

    def read(self, name: str) -> bytes | None:
        """Wait and read."""
        self._travel()
        return super().read(name)

    def size(self, name: str) -> int | None:
        """Wait and look."""
        self._travel()
        return super().size(name)

    def _travel(self) -> None:
        with self.counting:
            Far.asked += 1
        time.sleep(0.05)


def test_a_wide_plan_does_not_wait_for_one_answer_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 stages that are nowhere: 200 questions of 50 ms in much less than 10 s, asked once."""
    project = ToyProject(tmp_path)
    for number in range(200):
        project.stage(f"stage-{number}", text=str(number))
    (tmp_path / "team").mkdir()
    monkeypatch.setattr(Far, "asked", 0)
    far = Remote(address(tmp_path / "team"), lambda at: Far(at.name, Path(at.url), writable=True))
    freshness = project.freshness()
    freshness.supply = supply(project.store, far)
    began = time.monotonic()

    freshness.look()
    freshness.look()

    assert time.monotonic() - began < 4
    assert Far.asked == 200


def test_holds_asks_for_what_is_not_here_only(team: Path, clone: ToyProject) -> None:
    """A remote that lost a blob which is here is no reason to run anything."""
    clone.build(supply=supply(clone.store, remote(team)))
    record = clone.freshness().look()["second"].record
    assert record is not None
    for name in files_below(team):
        (team / name).unlink()

    assert supply(clone.store, remote(team)).holds(record.outputs["model"])
    assert not supply(clone.store, remote(team)).holds(Stored("sha256:" + "0" * 64, 5, "file"))
