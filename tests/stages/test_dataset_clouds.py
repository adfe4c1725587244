"""Rows in cloud storage: an S3 server's and a web server's, both real and on loopback."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftc_runtime.contract import Source
from ftc_runtime.errors import StageError
from ftc_runtime.sources.cloud import download, resolve
from remote_places import web_server
from s3_server import BUCKET, S3Server, s3_server
from stage_runs import run_here

FILES = {
    "rows/a.jsonl": b'{"instruction": "say one", "output": "one"}\n',
    "rows/deep/b.jsonl": b'{"instruction": "say two", "output": "two"}\n',
    "rows/c.txt": b"no rows\n",
    "rows/_SUCCESS": b"",
}


@pytest.fixture(scope="module")
def running_s3() -> Iterator[S3Server]:
    """Run one server for all: it takes seconds to start."""
    with s3_server() as server:
        yield server


@pytest.fixture
def s3(running_s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """Return the server with the files, and an environment that leads to it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", running_s3.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-test")
    running_s3.empty()
    for name, content in FILES.items():
        running_s3.put(name, content)
    return running_s3


def digests(*names: str) -> dict[str, str]:
    """Return what a pin holds of files, by their names below `rows/`."""
    return {name: f"sha256:{hashlib.sha256(FILES[f'rows/{name}']).hexdigest()}" for name in names}


def refusal(source: Source, work: Path) -> tuple[str, str | None]:
    """Return why a source cannot be brought."""
    with pytest.raises(StageError) as raised:
        download(source, work=work)
    return raised.value.message, raised.value.hint


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("rows/a.jsonl", ["a.jsonl"]),
        ("rows/", ["a.jsonl", "c.txt", "deep/b.jsonl"]),
        ("rows/**/*.jsonl", ["a.jsonl", "deep/b.jsonl"]),
    ],
)
def test_a_file_a_folder_and_a_pattern_are_pinned_by_content(
    s3: S3Server, tmp_path: Path, url: str, names: list[str]
) -> None:
    """Each with its digest; what tools leave behind is no part of a folder."""
    source = resolve(f"s3://{BUCKET}/{url}")
    folder = download(source, work=tmp_path)

    assert source.files == digests(*names)
    brought = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    assert brought == set(names)


def test_the_stage_reads_what_it_brought(s3: S3Server, tmp_path: Path) -> None:
    """All files of the pattern, in the order of their names."""
    source = resolve(f"s3://{BUCKET}/rows/**/*.jsonl")

    made = run_here("dataset", tmp_path, inputs={}, source=source.model_dump(mode="json"))

    rows = map(json.loads, made["train"].read_text(encoding="utf-8").splitlines())
    assert [row["messages"][-1]["content"][0]["text"] for row in rows] == ["one", "two"]


def test_what_was_changed_or_lost_since_it_was_pinned_is_refused(
    s3: S3Server, tmp_path: Path
) -> None:
    """Nothing else is read in its place."""
    url = f"s3://{BUCKET}/rows/*.jsonl"
    source = resolve(url)

    s3.empty()
    s3.put("rows/a.jsonl", b"{}\n")
    changed = refusal(source, tmp_path)
    s3.empty()
    s3.put("rows/z.jsonl", b"{}\n")
    lost = refusal(source, tmp_path)

    again = "ftc lock --upgrade"
    assert changed == (
        f"a.jsonl of {url} is not what was pinned",
        f"If it was changed on purpose, pin it again: {again}",
    )
    assert lost == (f"{url} no longer has a.jsonl", f"Pin it again: {again}")


def test_what_is_not_there_or_not_open_is_told(s3: S3Server) -> None:
    """A file, a bucket, wrong credentials, a file system that is not known."""
    told = []
    for url in (f"s3://{BUCKET}/none", "s3://nobody/rows", "nofs://x/rows.jsonl"):
        with pytest.raises(StageError) as raised:
            resolve(url)
        told.append(raised.value.message)
    with s3.refusing(), pytest.raises(StageError) as raised:
        resolve(f"s3://{BUCKET}/rows/a.jsonl")

    assert told == [
        f"there is no file at s3://{BUCKET}/none",
        "there is no file at s3://nobody/rows",
        "nofs://x/rows.jsonl cannot be read: Protocol not known: nofs",
    ]
    assert raised.value.message == f"s3://{BUCKET}/rows/a.jsonl is not open to you"
    assert raised.value.hint is not None
    assert raised.value.hint.startswith("Set AWS_ACCESS_KEY_ID")


def test_a_file_of_a_web_server(tmp_path: Path) -> None:
    """A query is no part of its name; one that is not there is told."""
    (tmp_path / "site" / "rows").mkdir(parents=True)
    (tmp_path / "site" / "rows" / "a.jsonl").write_bytes(FILES["rows/a.jsonl"])

    with web_server(tmp_path / "site") as url:
        source = resolve(f"{url}/rows/a.jsonl?download=true")
        folder = download(source, work=tmp_path)
        with pytest.raises(StageError) as raised:
            resolve(f"{url}/rows/none.jsonl")

    assert source.files == digests("a.jsonl")
    assert (folder / "a.jsonl").read_bytes() == FILES["rows/a.jsonl"]
    assert raised.value.message == f"there is no file at {url}/rows/none.jsonl"
