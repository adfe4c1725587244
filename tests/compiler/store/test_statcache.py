"""The stat-cache: no byte is read twice, no change is missed, and it can be lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ftc.store import inodes, statcache
from ftc.store.digests import digest_of_file
from ftc.store.objects import Objects
from ftc.store.statcache import StatCache
from ftc.store.store import Store

RACY_SECONDS = 0.3


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files settle sooner, for the time that these tests take."""
    monkeypatch.setattr(inodes, "RACY_NANOSECONDS", int(RACY_SECONDS * 1e9))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files whose bytes were read."""
    names: list[str] = []

    def read(path: Path, told: Callable[[int], None] | None = None) -> str:
        names.append(path.name)
        return digest_of_file(path, told)

    monkeypatch.setattr(statcache, "digest_of_file", read)
    return names


def settle() -> None:
    """Wait until the clock has left the last writes behind."""
    time.sleep(RACY_SECONDS + 0.1)


def a_folder(path: Path) -> Path:
    """Make a folder of three files."""
    (path / "below").mkdir(parents=True)
    for name in ("one.json", "two.json", "below/three.json"):
        (path / name).write_text(name)
    return path


def test_unchanged_bytes_are_read_once(tmp_path: Path, reads: list[str]) -> None:
    """By another process too, which has the same `stat.sqlite`."""
    folder = a_folder(tmp_path / "data")
    settle()

    first = StatCache(Store(tmp_path / ".ftc")).digest(folder)
    read_first, reads[:] = sorted(reads), []
    second = StatCache(Store(tmp_path / ".ftc")).digest(folder)

    assert first == second
    assert read_first == ["one.json", "three.json", "two.json"]
    assert reads == []


def test_only_what_changed_is_read_again(tmp_path: Path, reads: list[str]) -> None:
    """Even where size and mtime are those of before, as after `cp -p`."""
    cache, folder = StatCache(Store(tmp_path / ".ftc")), a_folder(tmp_path / "data")
    settle()
    first = cache.digest(folder)
    info = (folder / "one.json").stat()
    (folder / "one.json").write_text("ONE.json")
    os.utime(folder / "one.json", ns=(info.st_atime_ns, info.st_mtime_ns))
    reads.clear()

    second = cache.digest(folder)

    assert second != first
    assert reads == ["one.json"]


def test_a_file_that_was_just_written_is_not_remembered(tmp_path: Path, reads: list[str]) -> None:
    """Another write within the clock's grain would not show."""
    cache, file = StatCache(Store(tmp_path / ".ftc")), tmp_path / "file"
    file.write_text("one")

    digests = [cache.digest(file), cache.digest(file)]

    assert digests[0] == digests[1]
    assert reads == ["file", "file"]


def test_a_look_reads_nothing_and_says_how_much_there_is_to_read(
    tmp_path: Path, reads: list[str]
) -> None:
    """Two names of one inode are one file to read."""
    cache, folder = StatCache(Store(tmp_path / ".ftc")), a_folder(tmp_path / "data")
    (folder / "again.json").hardlink_to(folder / "one.json")
    settle()

    before = cache.look(folder).unread_bytes()
    untouched = list(reads)
    cache.digest(folder)

    assert (before, cache.look(folder).unread_bytes()) == (8 + 8 + 16, 0)
    assert (untouched, sorted(reads)) == ([], ["one.json", "three.json", "two.json"])


def test_what_is_read_is_remembered_even_if_it_was_just_written(
    tmp_path: Path, reads: list[str]
) -> None:
    """Reading waits until the files have settled, and tells how far it is."""
    cache, folder = StatCache(Store(tmp_path / ".ftc")), a_folder(tmp_path / "data")
    (folder / "big").write_bytes(bytes(9_000_000))
    told: list[tuple[int, int]] = []

    cache.read([cache.look(folder), cache.look(folder)], told=lambda *much: told.append(much))
    first, reads[:] = sorted(reads), []
    digests = [StatCache(Store(tmp_path / ".ftc")).digest(folder) for _ in range(2)]

    assert first == ["big", "one.json", "three.json", "two.json"]
    assert (reads, digests[0]) == ([], digests[1])
    assert digests[0] == StatCache(Store(tmp_path / "other")).digest(folder)
    assert (told[0], told[-1]) == ((0, 9_000_032), (9_000_032, 9_000_032))
    assert len(told) > 4 and told == sorted(told)


def test_a_file_from_the_future_is_remembered_too(tmp_path: Path, reads: list[str]) -> None:
    """An archive's clock was wrong. The kernel's own time of change is not."""
    cache, file = StatCache(Store(tmp_path / ".ftc")), tmp_path / "file"
    file.write_text("one")
    os.utime(file, (time.time() + 1e6, time.time() + 1e6))
    settle()

    digests = [cache.digest(file), cache.digest(file)]

    assert (reads, digests[0]) == (["file"], digests[1])


def test_a_touched_file_is_read_once_more(tmp_path: Path, reads: list[str]) -> None:
    """And not for ever again."""
    cache, file = StatCache(Store(tmp_path / ".ftc")), tmp_path / "file"
    file.write_text("one")
    settle()
    cache.digest(file)
    file.touch()
    settle()
    reads.clear()

    digests = [cache.digest(file), cache.digest(file)]

    assert digests[0] == digests[1]
    assert reads == ["file"]


def test_a_folder_has_the_digest_that_the_store_would_give_it(tmp_path: Path) -> None:
    """One name for one content, outside and inside."""
    folder = a_folder(tmp_path / "data")

    digest = StatCache(Store(tmp_path / ".ftc")).digest(folder)

    assert digest == Objects(tmp_path / "objects").put(folder).digest


def test_what_no_stage_reads_is_left_out(tmp_path: Path) -> None:
    """Hidden files and compiled Python come and go by themselves."""
    cache, folder = StatCache(Store(tmp_path / ".ftc")), a_folder(tmp_path / "data")
    before = cache.digest(folder)
    for name in (".git/config", ".cache/huggingface/x", "__pycache__/y.pyc", ".DS_Store"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("noise")

    assert cache.digest(folder) == before


def test_links_count_by_what_is_read_through_them(tmp_path: Path) -> None:
    """A hub's cache is a folder of links to blobs."""
    cache, folder = StatCache(Store(tmp_path / ".ftc")), a_folder(tmp_path / "data")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "below").symlink_to(folder / "below")
    (linked / "one.json").symlink_to(folder / "one.json")
    (linked / "two.json").symlink_to("one.json")
    before = cache.digest(linked)
    (folder / "one.json").rename(folder / "blob")
    (linked / "one.json").unlink()
    (linked / "one.json").symlink_to(folder / "blob")
    (linked / "two.json").unlink()
    (linked / "two.json").symlink_to(folder / "two.json")

    assert cache.digest(linked) == cache.digest(shutil.copytree(linked, tmp_path / "copy"))
    assert cache.digest(linked) != before


def test_a_loop_and_a_dangling_link_are_errors_of_the_system(tmp_path: Path) -> None:
    """Whoever asked knows how to tell the user."""
    cache = StatCache(Store(tmp_path / ".ftc"))
    looped, dangling = a_folder(tmp_path / "looped"), a_folder(tmp_path / "dangling")
    (looped / "below" / "up").symlink_to(looped)
    (dangling / "gone").symlink_to(tmp_path / "nowhere")

    with pytest.raises(OSError, match="a link leads back to a folder above it"):
        cache.digest(looped)
    with pytest.raises(FileNotFoundError):
        cache.digest(dangling)
    with pytest.raises(FileNotFoundError):
        cache.digest(tmp_path / "nothing")


@pytest.mark.parametrize("rubbish", [b"no database", b"SQLite format 3\0" + b"x" * 5000])
def test_a_spoilt_cache_costs_only_time(tmp_path: Path, reads: list[str], rubbish: bytes) -> None:
    """It is made anew, and used again."""
    folder = a_folder(tmp_path / "data")
    settle()
    digest = StatCache(Store(tmp_path / ".ftc")).digest(folder)
    (tmp_path / ".ftc" / "stat.sqlite").write_bytes(rubbish)
    reads.clear()

    digests = [StatCache(Store(tmp_path / ".ftc")).digest(folder) for _ in range(2)]

    assert digests == [digest, digest]
    assert len(reads) == 3


def test_a_locked_cache_is_gone_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process holds it for long."""
    folder = a_folder(tmp_path / "data")
    settle()
    digest = StatCache(Store(tmp_path / ".ftc")).digest(folder)
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda path, timeout, **rest: connect(path, timeout=0.1, **rest)
    )
    blocker = connect(tmp_path / ".ftc" / "stat.sqlite", isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")

    found = StatCache(Store(tmp_path / ".ftc")).digest(folder)
    blocker.close()

    assert found == digest


def test_many_may_use_it_at_once(tmp_path: Path) -> None:
    """Threads that share a cache, and caches that share a file."""
    folder = a_folder(tmp_path / "data")
    settle()
    shared, found = StatCache(Store(tmp_path / ".ftc")), list[str]()
    threads = [
        threading.Thread(target=lambda cache=cache: found.append(cache.digest(folder)))
        for cache in [shared] * 6 + [StatCache(Store(tmp_path / ".ftc")) for _ in range(6)]
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 12 and len(set(found)) == 1
