"""Blobs and trees: moved in, found again, shown."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from ftc.store.objects import NotStorable, Objects, Stored


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    """Return an empty store of objects."""
    return Objects(tmp_path / "store")


def a_folder(path: Path) -> Path:
    """Make a folder of three files, two of them equal."""
    (path / "below").mkdir(parents=True)
    (path / "one.txt").write_text("one")
    (path / "below" / "two.txt").write_text("two")
    (path / "below" / "again.txt").write_text("one")
    return path


def test_a_file_is_moved_in_and_read_only(tmp_path: Path, objects: Objects) -> None:
    """It is named by its content, and its old name is gone."""
    file = tmp_path / "file"
    file.write_text("content")

    stored = objects.put(file)

    assert stored == Stored("sha256:" + hashlib.sha256(b"content").hexdigest(), 7, "file")
    assert not file.exists()
    assert objects.holds(stored)
    path = objects.path(stored)
    assert path.read_text() == "content"
    assert path.stat().st_mode & 0o777 == 0o444


def test_a_file_can_be_shown_with_a_suffix(tmp_path: Path, objects: Objects) -> None:
    """Libraries tell formats by the ends of names."""
    file = tmp_path / "file"
    file.write_text("{}")
    stored = objects.put(file)

    path = objects.path(stored, ".json")

    assert path.suffix == ".json"
    assert path.read_text() == "{}"
    assert objects.path(stored, ".json") == path


def test_a_folder_is_shown_as_it_was(tmp_path: Path, objects: Objects) -> None:
    """As links into the objects, which stay right when the store is moved."""
    stored = objects.put(a_folder(tmp_path / "made"))

    view = objects.path(stored)

    assert stored.kind == "tree" and stored.size == 9
    assert {str(file.relative_to(view)): file.read_text() for file in view.rglob("*.txt")} == {
        "one.txt": "one",
        "below/two.txt": "two",
        "below/again.txt": "one",
    }
    (tmp_path / "store").rename(tmp_path / "moved")
    assert (tmp_path / "moved" / view.relative_to(tmp_path / "store") / "one.txt").read_text() == (
        "one"
    )


def test_equal_folders_have_equal_digests(tmp_path: Path, objects: Objects) -> None:
    """Neither their place nor the order in which they were written matters."""
    first = objects.put(a_folder(tmp_path / "a"))

    second = objects.put(a_folder(tmp_path / "elsewhere" / "b"))

    assert first == second


def test_a_damaged_view_is_made_again(tmp_path: Path, objects: Objects) -> None:
    """Somebody removed a link, or the whole folder."""
    stored = objects.put(a_folder(tmp_path / "made"))
    view = objects.path(stored)
    (view / "one.txt").unlink()

    assert (objects.path(stored) / "one.txt").read_text() == "one"


def test_an_executable_file_stays_one(tmp_path: Path, objects: Objects) -> None:
    """It is told in the listing, since blobs of equal content are one file."""
    plain, runs = a_folder(tmp_path / "plain"), a_folder(tmp_path / "runs")
    (runs / "one.txt").chmod(0o755)

    stored = objects.put(runs)
    view = objects.path(stored)

    assert stored.digest != objects.put(plain).digest
    assert os.access(view / "one.txt", os.X_OK)
    assert (view / "one.txt").stat().st_mode & 0o222 == 0


@pytest.mark.parametrize("victim", ["one.txt", "below/two.txt", "."])
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_damage_is_seen_by_size(tmp_path: Path, objects: Objects, victim: str, damage: str) -> None:
    """A blob or the listing itself. What is damaged is replaced by the next put."""
    stored = objects.put(a_folder(tmp_path / "made"))
    view = objects.path(stored)
    blob = objects.place(stored.digest) if victim == "." else (view / victim).resolve()
    blob.unlink()
    if damage == "truncated":
        blob.write_bytes(b"")

    held = objects.holds(stored)
    again = objects.put(a_folder(tmp_path / "again"))

    assert not held
    assert again == stored and objects.holds(stored)


def test_another_name_of_a_file_cannot_write_into_the_store(
    tmp_path: Path, objects: Objects
) -> None:
    """A stage may save a copy by a hard link to the user's own file."""
    mine = tmp_path / "mine"
    mine.write_text("mine")
    (tmp_path / "output").hardlink_to(mine)

    stored = objects.put(tmp_path / "output")
    mine.write_text("edit")

    assert objects.path(stored).read_text() == "mine"


@pytest.mark.parametrize("inside", [False, True])
def test_a_link_is_refused(tmp_path: Path, objects: Objects, inside: bool) -> None:
    """It has no content of its own; what it points to may change."""
    folder = a_folder(tmp_path / "made")
    link = folder / "link" if inside else tmp_path / "link"
    link.symlink_to(folder / "one.txt")

    with pytest.raises(NotStorable, match="link is not a regular file"):
        objects.put(folder if inside else link)
