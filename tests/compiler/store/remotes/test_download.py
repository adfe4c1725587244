"""Blobs that come: whole and right, or not at all."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ftc.store.digests import Entry
from ftc.store.remotes.directory import Directory
from ftc.store.remotes.download import download, part_file
from ftc.store.remotes.layout import blob_name
from ftc.store.store import Store
from toy_project import wait_until

CONTENT = os.urandom(3_000_000)
BLOB = Entry("sha256:" + hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


class Counted(Directory):
    """A folder that notes from which byte on it was read."""

    def __init__(self, root: Path) -> None:
        """Read from *root*."""
        super().__init__("team", root, writable=True)
        self.starts: list[int] = []

    def download(self, name: str, *, start: int, size: int, sink: Callable[[bytes], None]) -> None:
        """Note and read."""
        self.starts.append(start)
        super().download(name, start=start, size=size, sink=sink)


def place(folder: Path, content: bytes = CONTENT) -> Counted:
    """Return a folder that has these bytes under the blob's name."""
    file = folder / blob_name(BLOB.digest)
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return Counted(folder)


def fetched(store: Store, source: Directory) -> bool:
    """Download the blob."""
    return download(store, source, BLOB, told=lambda here: None)


def test_a_blob_is_published_under_its_name_read_only(tmp_path: Path) -> None:
    """And nothing else is left."""
    store = Store(tmp_path / "store")

    assert fetched(store, place(tmp_path / "team"))

    assert store.place(BLOB.digest).read_bytes() == CONTENT
    assert store.place(BLOB.digest).stat().st_mode & 0o777 == 0o444
    assert list((store.root / "tmp").iterdir()) == []


def test_what_an_earlier_try_left_is_gone_on_with(tmp_path: Path) -> None:
    """Only the rest comes."""
    store, source = Store(tmp_path / "store"), place(tmp_path / "team")
    part = part_file(store, BLOB.digest)
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:1_000_000])

    assert fetched(store, source)

    assert source.starts == [1_000_000]
    assert store.place(BLOB.digest).read_bytes() == CONTENT


def test_a_part_with_wrong_bytes_is_begun_again(tmp_path: Path) -> None:
    """What lay there is not to spoil every later try."""
    store, source = Store(tmp_path / "store"), place(tmp_path / "team")
    part = part_file(store, BLOB.digest)
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 1_000_000)

    assert fetched(store, source)

    assert source.starts == [1_000_000, 0]
    assert store.place(BLOB.digest).read_bytes() == CONTENT


def test_other_bytes_of_the_same_size_are_never_published(tmp_path: Path) -> None:
    """One flipped bit is enough, and nothing of them is left."""
    store = Store(tmp_path / "store")
    foreign = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]

    assert not fetched(store, place(tmp_path / "team", foreign))

    assert not store.place(BLOB.digest).exists()
    assert list((store.root / "tmp").iterdir()) == []


def test_a_blob_that_is_cut_off_is_never_published(tmp_path: Path) -> None:
    """Nor one that is too long."""
    store = Store(tmp_path / "store")

    assert not fetched(store, place(tmp_path / "short", CONTENT[:-1]))
    assert not fetched(store, place(tmp_path / "long", CONTENT + b"x"))

    assert not store.place(BLOB.digest).exists()


SLOW = """
import sys, time
from pathlib import Path
from ftc.store.digests import Entry
from ftc.store.remotes import directory
from ftc.store.remotes.download import download
from ftc.store.store import Store
directory.BLOCK_BYTES = 100_000
place = directory.Directory("team", Path(sys.argv[2]), writable=True)
download(
    Store(Path(sys.argv[1])), place, Entry(sys.argv[3], int(sys.argv[4])),
    told=lambda here: time.sleep(float(sys.argv[5])),
)
"""


def elsewhere(store: Store, team: Path, *, pause: float) -> subprocess.Popen[bytes]:
    """Start a process that downloads the blob in small steps."""
    arguments = [str(store.root), str(team), BLOB.digest, str(BLOB.size), str(pause)]
    return subprocess.Popen([sys.executable, "-c", SLOW, *arguments])


def test_a_killed_download_leaves_no_object_and_is_gone_on_with(tmp_path: Path) -> None:
    """kill -9 in the middle: no name, no lock, and the bytes that came are of use."""
    store, source = Store(tmp_path / "store"), place(tmp_path / "team")
    part = part_file(store, BLOB.digest)
    process = elsewhere(store, tmp_path / "team", pause=0.2)
    wait_until(lambda: part.exists() and part.stat().st_size > 0)
    process.send_signal(signal.SIGKILL)
    process.wait()

    assert not store.place(BLOB.digest).exists()
    assert fetched(store, source)

    assert 0 < source.starts[0] < BLOB.size
    assert store.place(BLOB.digest).read_bytes() == CONTENT


def test_two_processes_do_not_download_a_blob_twice(tmp_path: Path) -> None:
    """The second waits for the first, and finds it done."""
    store, source = Store(tmp_path / "store"), place(tmp_path / "team")
    process = elsewhere(store, tmp_path / "team", pause=0.05)
    wait_until(lambda: part_file(store, BLOB.digest).exists())

    assert fetched(store, source)

    assert process.wait() == 0
    assert source.starts == []
    assert store.place(BLOB.digest).read_bytes() == CONTENT
