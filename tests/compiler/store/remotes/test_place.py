"""The verbs of a remote: the same from a folder, from S3, and read from a web server."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftc.store.remotes.filesystem import open_place
from ftc.store.remotes.layout import blob_name
from ftc.store.remotes.place import Place, RemoteFault
from remote_places import address, web_server
from s3_server import S3Server


@pytest.fixture(params=["directory", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return each kind of place that can be written, empty."""
    if request.param == "directory":
        return open_place(address(tmp_path / "team"))
    server: S3Server = request.getfixturevalue("s3")
    return open_place(address("s3://team/prefix", endpoint_url=server.url))


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    """Return a file of 20 MB: more than one block of a download."""
    file = tmp_path / "blob"
    file.write_bytes(os.urandom(20_000_000))
    return file


def name_of(file: Path) -> str:
    """Return the name of a file's blob."""
    return blob_name("sha256:" + hashlib.sha256(file.read_bytes()).hexdigest())


def received(place: Place, name: str, *, start: int, size: int) -> bytes:
    """Return what a download gives."""
    blocks: list[bytes] = []
    place.download(name, start=start, size=size, sink=blocks.append)
    return b"".join(blocks)


def test_what_is_not_there_is_none(place: Place) -> None:
    """No record, no blob, and a download of nothing."""
    assert place.read("ac/ab/abc.json") is None
    assert place.size("cas/ab/abc") is None
    assert received(place, "cas/ab/abc", start=0, size=5) == b""


def test_the_first_of_two_that_create_a_file_wins(place: Place) -> None:
    """The second is told so, and changes nothing."""
    assert place.create("ac/ab/abc.json", b"first") is True
    assert place.create("ac/ab/abc.json", b"second") is False

    assert place.read("ac/ab/abc.json") == b"first"


def test_a_blob_comes_back_from_any_byte_on(place: Place, blob: Path) -> None:
    """So a download goes on where it stopped."""
    name, sent = name_of(blob), list[int]()
    place.upload(blob, name, sent=sent.append)

    assert place.size(name) == sum(sent) == 20_000_000
    assert received(place, name, start=0, size=20_000_000) == blob.read_bytes()
    assert received(place, name, start=19_999_000, size=20_000_000) == blob.read_bytes()[-1000:]


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Place]:
    """Return a web server over a folder that was pushed to."""
    with web_server(tmp_path) as url:
        yield open_place(address(f"{url}/team", writable=False))


def test_a_web_server_gives_what_a_folder_holds(mirror: Place, tmp_path: Path, blob: Path) -> None:
    """One without ranges too: what is here already is passed over."""
    folder = open_place(address(tmp_path / "team"))
    folder.create("ac/ab/abc.json", b"record")
    folder.upload(blob, name_of(blob), sent=lambda size: None)

    assert mirror.read("ac/ab/abc.json") == b"record"
    assert mirror.read("ac/ab/other.json") is None
    assert mirror.size(name_of(blob)) == 20_000_000
    assert mirror.size("cas/ab/abc") is None
    tail = received(mirror, name_of(blob), start=19_999_000, size=20_000_000)
    assert tail == blob.read_bytes()[-1000:]


def test_what_stops_a_download_here_is_told_as_it_is(
    mirror: Place, tmp_path: Path, blob: Path
) -> None:
    """A full disk, or Ctrl-C, is no fault of the server's."""
    open_place(address(tmp_path / "team")).upload(blob, name_of(blob), sent=lambda size: None)

    def full(block: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        mirror.download(name_of(blob), start=0, size=20_000_000, sink=full)


def fault_of_reading(url: str, **options: str) -> str:
    """Return what is told of a remote that cannot be read."""
    with pytest.raises(RemoteFault) as raised:
        open_place(address(url, writable=True, **options)).read("ac/ab/abc.json")
    return f"{raised.value.message}\n{raised.value.hint}"


def test_a_bucket_that_lets_nobody_in_says_what_to_set(s3: S3Server) -> None:
    """In words, and without the key that was tried."""
    with s3.refusing():
        told = fault_of_reading("s3://team/prefix", endpoint_url=s3.url)

    assert told == (
        "remote team: s3://team/prefix denies access\n"
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for a public bucket"
        " write `storage_options: {anon: true}`"
    )


def test_without_credentials_it_says_which(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Before anything goes out."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    told = fault_of_reading("s3://team/prefix", endpoint_url="http://127.0.0.1:9")

    assert told.startswith("remote team: there are no credentials for s3://team/prefix\nset AWS_")


def test_a_bucket_that_is_not_there_is_told(s3: S3Server) -> None:
    """A missing record looks much the same to the library."""
    told = fault_of_reading("s3://nobody/prefix", endpoint_url=s3.url)

    assert told == (
        "remote team: there is no bucket s3://nobody/prefix\n"
        "make it, or correct the url; ftc makes no buckets"
    )


@pytest.mark.parametrize("url", ["s3://team/prefix", "http://127.0.0.1:9/team"])
def test_a_server_that_is_down_is_told(url: str, s3: S3Server) -> None:
    """Soon, and with a way on."""
    options = {"endpoint_url": "http://127.0.0.1:9"} if url.startswith("s3") else {}

    told = fault_of_reading(url, **options)

    assert told == (
        f"remote team: {url} does not answer\n"
        "is it up, and the network? `--offline` goes without it"
    )


def test_a_variable_that_is_not_set_is_told_when_the_remote_is_opened() -> None:
    """The project can be looked at without the secrets of CI."""
    with pytest.raises(RemoteFault) as raised:
        open_place(address("https://example.org/team", headers={"X-Key": "${NO_SUCH_TOKEN}"}))

    assert raised.value.message == "remote team: the environment has no variable NO_SUCH_TOKEN"


def test_a_folder_that_is_not_mounted_is_told(tmp_path: Path) -> None:
    """It is not taken for one in which nothing is."""
    with pytest.raises(RemoteFault) as raised:
        open_place(address(tmp_path / "team", writable=False)).read("ac/ab/abc.json")

    assert raised.value.message == f"remote team: there is no folder {tmp_path}/team"
