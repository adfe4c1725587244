"""What is read again of an object, and when."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ftc.store import inodes, proof
from ftc.store.digests import digest_of_file
from ftc.store.objects import Stored
from ftc.store.store import Store

RACY_SECONDS = 0.05


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the objects that are read to prove them, as that happens."""
    names: list[str] = []

    def read(path: Path) -> str:
        names.append(path.name)
        return digest_of_file(path)

    monkeypatch.setattr(proof, "digest_of_file", read)
    monkeypatch.setattr(inodes, "RACY_NANOSECONDS", int(RACY_SECONDS * 1e9))
    return names


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    """Put a folder of two files into a store."""
    (tmp_path / "made").mkdir()
    for name in ("one", "two"):
        (tmp_path / "made" / name).write_text(name)
    return Store(tmp_path / "store").put(tmp_path / "made")


def objects(tmp_path: Path, content: str) -> Path:
    """Return the object that holds a text."""
    [found] = [p for p in (tmp_path / "store").glob("objects/*/*") if p.read_text() == content]
    return found


def test_what_was_put_is_never_read_again(tmp_path: Path, stored: Stored, reads: list[str]) -> None:
    """By another process neither."""
    store = Store(tmp_path / "store")

    found = [store.holds(stored), store.proves(stored), store.proves(stored)]

    assert (found, reads) == ([True] * 3, [])


def test_what_changed_is_read_once_and_refused_for_ever(
    tmp_path: Path, stored: Stored, reads: list[str]
) -> None:
    """Whoever only looks is told so too, though size and mtime are as they were."""
    place = objects(tmp_path, "one")
    before = place.stat()
    place.chmod(0o644)
    place.write_text("ONE")
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    store = Store(tmp_path / "store")

    found = [store.holds(stored), store.proves(stored), store.holds(stored)]

    assert (found, reads) == ([False] * 3, [place.name])


def test_a_file_that_only_moved_its_times_is_read_once(
    tmp_path: Path, stored: Stored, reads: list[str]
) -> None:
    """A backup that links to it does that; its mode is mended on the way."""
    place = objects(tmp_path, "one")
    place.chmod(0o666)
    time.sleep(2 * RACY_SECONDS)
    store = Store(tmp_path / "store")

    found = [store.holds(stored)]
    time.sleep(2 * RACY_SECONDS)
    found += [store.holds(stored), store.holds(stored)]

    assert (found, set(reads)) == ([True] * 3, {place.name})
    assert len(reads) <= 2
    assert place.stat().st_mode & 0o777 == 0o444


def test_what_was_never_read_here_is_believed_until_it_is_used(
    tmp_path: Path, stored: Stored, reads: list[str]
) -> None:
    """A store that was copied: a look costs nothing, a build reads once."""
    time.sleep(2 * RACY_SECONDS)
    (tmp_path / "store" / "stat.sqlite").unlink()
    store = Store(tmp_path / "store")

    looked, read_by_looking = store.holds(stored), list(reads)
    proven, read_by_using = store.proves(stored), sorted(reads)
    again = store.proves(stored)

    assert (looked, proven, again) == (True, True, True)
    assert read_by_looking == []
    assert read_by_using == sorted(reads)
    assert len(reads) == 2


def test_a_damaged_object_gives_way_to_a_right_one(tmp_path: Path, stored: Stored) -> None:
    """Of the same size: that alone does not make it the same."""
    place = objects(tmp_path, "one")
    place.chmod(0o644)
    place.write_text("ONE")
    store = Store(tmp_path / "store")
    (tmp_path / "one").write_text("one")

    store.put(tmp_path / "one")

    assert place.read_text() == "one"
    assert store.proves(stored)


def test_a_large_object_is_read_only_by_those_who_use_it(
    tmp_path: Path, stored: Stored, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look believes that it is as it was, however it changed."""
    monkeypatch.setattr(proof, "LARGE_BYTES", 2)
    place = objects(tmp_path, "one")
    place.chmod(0o644)
    place.write_text("ONE")
    store = Store(tmp_path / "store")

    looked, read_by_looking = store.holds(stored), list(reads)
    proven = store.proves(stored)

    assert (looked, read_by_looking) == (True, [])
    assert (proven, reads) == (False, [place.name])
    assert not store.holds(stored)
