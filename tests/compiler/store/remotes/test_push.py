"""Results that go: blobs before the record, and the first record of a key stands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ftc.store.records import Record
from ftc.store.remotes.layout import blob_name, record_name
from ftc.store.remotes.push import Pushed, PushFault, push, stands
from ftc.store.remotes.remote import Remote
from ftc.store.store import Store
from remote_places import files_below, remote
from s3_server import S3Server
from toy_project import wait_until

KEY = "ab" * 32


def result(store: Store, text: str = "rows", key: str = KEY) -> Record:
    """Put a result into a store: a file, and a tree of two files of which one is the same."""
    work = store.root / "made"
    (work / "model" / "below").mkdir(parents=True)
    (work / "rows").write_text(text)
    (work / "model" / "one").write_text(text)
    (work / "model" / "below" / "two").write_text("weights")
    outputs = {name: store.put(work / name) for name in ("rows", "model")}
    return store.publish(Record(key, {"kind": "toy"}, outputs, {"host": "here"}))


def pushed(store: Store, to: Remote, record: Record) -> Pushed:
    """Push it."""
    return push(store, to, record, told=lambda sent, total: None)


@pytest.fixture(params=["directory", "s3"])
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Remote]:
    """Return a function that gives the remote as one who has asked it nothing."""
    if request.param == "directory":
        return lambda: remote(tmp_path / "team")
    server: S3Server = request.getfixturevalue("s3")
    return lambda: remote("s3://team/prefix", endpoint_url=server.url)


def test_a_result_is_pushed_once(there: Callable[[], Remote], tmp_path: Path) -> None:
    """Its blobs, each once, and its record; a second push sends nothing."""
    store = Store(tmp_path / "store")
    record = result(store)

    first = pushed(store, there(), record)
    second = pushed(store, there(), record)

    listing = store.place(record.outputs["model"].digest).stat().st_size
    assert first == Pushed(3, len("rows") + len("weights") + listing, is_new=True)
    assert second == Pushed(0, 0, is_new=False)
    assert there().record(KEY) == record
    assert stands(there(), record)


def test_the_first_result_of_a_key_stands(there: Callable[[], Remote], tmp_path: Path) -> None:
    """The second writer is told what differs, and nothing of theirs is sent."""
    mine, theirs = Store(tmp_path / "mine"), Store(tmp_path / "theirs")
    first = result(theirs, "theirs")
    pushed(theirs, there(), first)

    with pytest.raises(PushFault) as raised:
        pushed(mine, there(), result(mine, "mine"))

    assert raised.value.message == ("team has another result for the same key: rows, model differ")
    assert there().record(KEY) == first


def test_two_pushers_at_once_leave_one_whole_record(
    there: Callable[[], Remote], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the record the other was faster."""
    mine, theirs = Store(tmp_path / "mine"), Store(tmp_path / "theirs")
    first, second = result(theirs, "theirs"), result(mine, "mine")
    late = there()
    create = late.place.create

    def create_after_the_other(name: str, data: bytes) -> bool:
        pushed(theirs, there(), first)
        return create(name, data)

    monkeypatch.setattr(late.place, "create", create_after_the_other)

    with pytest.raises(PushFault, match="another result for the same key"):
        pushed(mine, late, second)

    assert there().record(KEY) == first
    assert stands(there(), first)


@pytest.mark.parametrize("damage", ["torn", "without its blobs"])
def test_a_record_that_nobody_can_use_is_replaced(damage: str, tmp_path: Path) -> None:
    """Or else it would stand in the way for ever."""
    team = tmp_path / "team"
    theirs, mine = Store(tmp_path / "theirs"), Store(tmp_path / "mine")
    dead = result(theirs, "theirs")
    pushed(theirs, remote(team), dead)
    if damage == "torn":
        (team / record_name(KEY)).write_bytes(b'{"key": "ab')
    else:
        (team / blob_name(dead.outputs["rows"].digest)).unlink()
    record = result(mine, "mine")

    pushed(mine, remote(team), record)

    assert remote(team).record(KEY) == record


def test_a_blob_that_is_cut_off_there_is_sent_again(tmp_path: Path) -> None:
    """The record is there already, and right."""
    team, store = tmp_path / "team", Store(tmp_path / "store")
    record = result(store)
    pushed(store, remote(team), record)
    blob = team / blob_name(record.outputs["rows"].digest)
    blob.chmod(0o644)
    blob.write_bytes(b"ro")

    assert pushed(store, remote(team), record) == Pushed(1, 4, is_new=False)

    assert blob.read_bytes() == b"rows"


def test_a_blob_that_is_damaged_here_is_not_spread(tmp_path: Path) -> None:
    """Nobody gets its bytes, nor a record that names them."""
    team, store = tmp_path / "team", Store(tmp_path / "store")
    record = result(store)
    blob = store.place(record.outputs["rows"].digest)
    blob.chmod(0o644)
    blob.write_bytes(b"r0ws")

    with pytest.raises(PushFault, match="`rows` are not here, or damaged"):
        pushed(store, remote(team), record)

    assert [name for name in files_below(team) if name.startswith("ac")] == []


SLOW = """
import pickle, sys, time
from pathlib import Path
from ftc.store.remotes.push import push
from ftc.store.store import Store
from remote_places import remote
store = Store(Path(sys.argv[1]))
push(store, remote(sys.argv[2]), store.record(sys.argv[3]), told=lambda *sent: time.sleep(600))
"""


def test_a_killed_push_leaves_blobs_that_nothing_names(tmp_path: Path) -> None:
    """kill -9 in the middle is no lie, and the same push goes on."""
    team, store = tmp_path / "team", Store(tmp_path / "store")
    record = result(store)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(store.root), str(team), KEY], env=environment
    )
    wait_until(lambda: (team / "tmp").is_dir())
    process.send_signal(signal.SIGKILL)
    process.wait()

    assert remote(team).record(KEY) is None
    pushed(store, remote(team), record)

    assert stands(remote(team), record)


def test_a_record_names_no_path_of_this_machine(tmp_path: Path) -> None:
    """It means the same to whoever reads it."""
    team, store = tmp_path / "team", Store(tmp_path / "store")
    pushed(store, remote(team), result(store))

    text = (team / record_name(KEY)).read_text()

    assert str(tmp_path) not in text
    assert sorted(json.loads(text)) == ["checksum", "facts", "key", "outputs", "preimage", "schema"]
