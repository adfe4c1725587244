"""Files by their types, and folders of them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ftc_runtime.data.reading.files import read_path
from ftc_runtime.data.reading.raw import RawRow
from ftc_runtime.errors import StageError
from ftc_runtime.stages.dataset.spec import FileType


def test_a_folder_is_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Each row with the name of its file. Hidden files and what tells of rows are left out."""
    for name, content in {
        "b.jsonl": '{"a": 3}\n{"a":}\n',
        "a/2.json": '[{"a": 2}]',
        "a/1.jsonl": '{"a": 1}\n',
        "README.md": "# rows",
        "dataset_info.json": "{}",
        ".cache/c.jsonl": '{"a": 4}\n',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)

    assert list(read_path(tmp_path, type="json")) == [
        RawRow(1, {"a": 1}, file="a/1.jsonl"),
        RawRow(1, {"a": 2}, file="a/2.json"),
        RawRow(1, {"a": 3}, file="b.jsonl"),
        RawRow(2, fault="not JSON: Expecting value at 2:6", file="b.jsonl"),
    ]


def test_a_folder_of_several_types_is_refused(tmp_path: Path) -> None:
    """One may be another form of the other."""
    for name in ("a.csv", "b.json", "c.jsonl"):
        (tmp_path / name).touch()

    with pytest.raises(StageError) as caught:
        list(read_path(tmp_path, type="json"))

    assert (caught.value.message, caught.value.hint) == (
        f"{tmp_path.name} has files of several types in it: 1 csv, 2 json",
        "Keep one type in a folder, and make a dataset of each",
    )


def test_a_folder_without_rows_is_refused(tmp_path: Path) -> None:
    """With the types that there are."""
    (tmp_path / "README.md").touch()

    with pytest.raises(StageError) as caught:
        list(read_path(tmp_path, type="json"))

    assert caught.value.message == f"{tmp_path.name} has no file of rows in it"
    assert caught.value.hint == (
        "Rows are read from .json, .jsonl, .ndjson, .csv, .tsv, .txt, .parquet, .arrow"
    )


def test_compressed_files_are_read_as_they_are(tmp_path: Path) -> None:
    """Each type of text; what is cut off or is no gzip is told."""
    for name, content in {
        "a.jsonl.gz": b'{"text": "a"}\n',
        "b.json.gz": b'[{"text": "a"}]',
        "c.csv.gz": b"text\na\n",
        "d.txt.gz": b"a\n",
    }.items():
        (tmp_path / name).write_bytes(gzip.compress(content))
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(b'{"text": "a"}\n' * 1000)[:-9])
    plain = tmp_path / "plain.jsonl.gz"
    plain.write_bytes(b'{"text": "a"}\n')

    types: dict[str, FileType] = {
        "a.jsonl.gz": "json", "b.json.gz": "json", "c.csv.gz": "csv", "d.txt.gz": "txt"
    }  # fmt: skip
    for name, type in types.items():
        assert next(iter(read_path(tmp_path / name, type=type))).value == {"text": "a"}
    with pytest.raises(StageError, match=r"cut.jsonl.gz cannot be read: Compressed file ended"):
        list(read_path(cut, type="json"))
    with pytest.raises(StageError, match=r"plain.jsonl.gz cannot be read: Not a gzipped file"):
        list(read_path(plain, type="json"))
