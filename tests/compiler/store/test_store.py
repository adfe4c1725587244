"""Records, refs and failures; what is left when the process dies at any step."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from pathlib import Path

import pytest

from ftc.store.digests import digest_of_file
from ftc.store.records import Failure, Record
from ftc.store.store import Store, file_name

KEY = "ab" * 32


def put_text(store: Store, text: str) -> Record:
    """Return a record, not published, of one file that holds the text."""
    file = store.work(KEY) / "out" / "rows.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return Record(KEY, {"spec": {"r": 8}}, {"rows": store.put(file)}, {"host": "here"})


def test_a_published_record_comes_back_whole(tmp_path: Path) -> None:
    """In another process too: nothing but the files is read."""
    record = put_text(Store(tmp_path), "rows")

    standing = Store(tmp_path).publish(record)

    assert standing == record == Store(tmp_path).record(KEY)
    assert Store(tmp_path).complete(record)


def test_a_store_that_is_only_looked_at_is_not_made(tmp_path: Path) -> None:
    """`ftc status` in a folder that may not be written."""
    store = Store(tmp_path / "none")

    found = (store.record(KEY), store.ref("forge", "sft:a"), store.failure(KEY))

    assert found == (None, None, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b'{"schema": 2}', b"\xff"])
def test_a_torn_record_is_none(tmp_path: Path, text: bytes) -> None:
    """And publishing replaces it."""
    store = Store(tmp_path)
    record = put_text(store, "rows")
    store.publish(record)
    (file,) = (tmp_path / "ac").rglob("*.json")
    file.write_bytes(text)

    found = store.record(KEY)
    standing = store.publish(record)

    assert found is None
    assert standing == record == store.record(KEY)


def test_the_first_result_stands_and_another_is_kept_beside_it(tmp_path: Path) -> None:
    """Nobody sees a key's outputs change under them."""
    store = Store(tmp_path)
    first = store.publish(put_text(store, "first"))

    standing = [store.publish(put_text(store, text)) for text in ("second", "third", "first")]

    assert standing == [first, first, first]
    assert sorted(file.name for file in (tmp_path / "ac").rglob("*.json")) == [
        f"{KEY}.alt.1.json",
        f"{KEY}.alt.2.json",
        f"{KEY}.json",
    ]


def test_a_record_without_its_objects_gives_way(tmp_path: Path) -> None:
    """A stage that is not deterministic was run again because its result was lost."""
    store = Store(tmp_path)
    first = store.publish(put_text(store, "first"))
    store.path(first.outputs["rows"]).unlink()

    second = store.publish(put_text(store, "second"))

    assert store.record(KEY) == second != first


def test_refs_keep_stages_of_all_names_apart(tmp_path: Path) -> None:
    """Slashes, percents, dots, and names longer than a file's may be."""
    store = Store(tmp_path)
    names = ["predict:recall/sft", "predict:recall%2Fsft", "..", ".", "sft@lora.r=8", "é"]
    names += ["x" * 300, "x" * 301]

    for number, name in enumerate(names):
        store.set_ref("forge", name, str(number))

    assert [store.ref("forge", name) for name in names] == [str(n) for n in range(len(names))]
    assert store.ref("other", "..") is None
    assert file_name("predict:recall/sft") == "predict:recall%2Fsft"


def test_a_failure_lives_in_the_work_folder(tmp_path: Path) -> None:
    """It goes with it."""
    store = Store(tmp_path)
    failure = Failure("out of memory at step 3", "halve it", 1700000000.5)
    store.set_failure(KEY, failure)

    found = store.failure(KEY)
    store.forget_work(KEY)

    assert found == failure
    assert store.failure(KEY) is None


def publish_all(root: Path) -> None:
    """Put a file and a folder, publish, refer to it, clear up: what a build does for a stage."""
    store = Store(root)
    out = store.work(KEY) / "out"
    (out / "adapter" / "below").mkdir(parents=True, exist_ok=True)
    for name in ("rows.jsonl", "adapter/a", "adapter/below/b"):
        (out / name).write_text(f"content of {name}")
    outputs = {name: store.put(out / name) for name in ("rows.jsonl", "adapter")}
    store.publish(Record(KEY, {"spec": {}}, outputs, {}))
    store.set_ref("forge", "sft:a", KEY)
    store.path(outputs["adapter"])
    store.path(outputs["rows.jsonl"], ".jsonl")
    store.forget_work(KEY)


def run_and_die(root: Path, step: int) -> bool:
    """Run `publish_all` in a process that kills itself at a step. Return whether it got through.

    A step is anything that Python audits: each open, rename, link, unlink, mkdir, chmod.
    """
    child = os.fork()
    if child == 0:
        steps = itertools.count()

        def kill(event: str, arguments: object) -> None:
            if event.startswith(("os.", "open", "shutil.")) and next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill)
        publish_all(root)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.invariant(1)
def test_killed_at_any_step_it_leaves_garbage_and_never_a_lie(tmp_path: Path) -> None:
    """Every object is what its name says, every record has its objects, and a rerun ends well."""
    for step in itertools.count():
        root = tmp_path / str(step)
        through = run_and_die(root, step)

        store = Store(root)
        record = store.record(KEY)
        for blob in (root / "objects").rglob("*"):
            assert blob.is_dir() or digest_of_file(blob) == f"sha256:{blob.name}"
        assert record is None or store.complete(record)
        assert store.ref("forge", "sft:a") in (None, KEY if record else None)
        publish_all(root)
        again = store.record(KEY)
        assert again is not None and store.complete(again)
        assert record in (None, again)
        assert store.path(again.outputs["adapter"]).is_dir()
        if through:
            break

    assert step > 60
