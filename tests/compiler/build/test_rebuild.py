"""`ftc build --rebuild`: a second run beside the first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ftc.build.rebuild import Repetition, first_difference, rebuild
from ftc.store.objects import Stored
from ftc.store.store import Store
from toy_project import Diary, ToyProject, toy_command


@pytest.fixture
def project(tmp_path: Path) -> ToyProject:
    """Return a built project of two stages, the second with a folder and a file."""
    project = ToyProject(tmp_path)
    project.stage("dataset:d", text="rows")
    outputs = {"adapter": "adapter", "report": "report"}
    project.stage("sft:a", text="r 16", inputs=["dataset:d"], outputs=outputs)
    project.build()
    project.ran()
    return project


def again(project: ToyProject, *names: str) -> list[Repetition]:
    """Run stages again."""
    freshness = project.freshness()
    freshness.look()
    outcome, found = rebuild(freshness, names, reporter=Diary(), command=toy_command)
    assert outcome.code == 0
    return found


def test_a_second_run_that_gives_the_same_changes_nothing(project: ToyProject) -> None:
    """Only the named stage runs, in a folder in which nothing is left of another try."""
    record = project.freshness().look()["sft:a"].record
    assert record is not None
    left = project.store.work(record.key)
    (left / "scratch").mkdir(parents=True)
    (left / "scratch" / "checkpoint").write_text("half")

    found = again(project, "sft:a")

    assert project.ran() == ["sft:a"]
    assert [(one.output, one.where) for one in found] == [("adapter", None), ("report", None)]
    assert not left.exists()
    assert list(project.store.records(record.key)) == [record.key]
    assert set(project.statuses().values()) == {"fresh"}


def test_a_second_run_that_differs_is_kept_beside_the_first(project: ToyProject) -> None:
    """Each output with both digests and where it begins to differ; the first record stands."""
    record = project.freshness().look()["sft:a"].record
    assert record is not None
    stage = project.stages["sft:a"]
    project.stages["sft:a"] = stage._replace(params={**stage.params, "text": "r 17"})

    found = again(project, "sft:a")

    (beside,) = project.store.records(f"{record.key}.alt.").values()
    assert [(one.output, one.first, one.second) for one in found] == [
        (name, record.outputs[name], beside.outputs[name]) for name in ("adapter", "report")
    ]
    # The text stands reversed in two.txt, which is the first by name.
    assert found[0].where is not None and found[0].where.startswith("below/two.txt, byte ")
    assert found[1].where is not None and found[1].where.startswith("byte ")
    assert project.store.record(record.key) == record
    assert set(project.statuses().values()) == {"fresh"}


def test_several_stages_are_run_again_each_from_the_first_results(project: ToyProject) -> None:
    """What the first gave differently does not change what the second reads."""
    stage = project.stages["dataset:d"]
    project.stages["dataset:d"] = stage._replace(params={**stage.params, "text": "other"})

    found = again(project, "dataset:d", "sft:a")

    assert project.ran() == ["dataset:d", "sft:a"]
    assert [(one.stage, one.output, one.where is None) for one in found] == [
        ("dataset:d", "rows", False),
        ("sft:a", "adapter", True),
        ("sft:a", "report", True),
    ]


def tensors(**values: bytes) -> bytes:
    """Return a safetensors file."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, value in values.items():
        offsets = [at, at + len(value)]
        header[name] = {"dtype": "U8", "shape": [len(value)], "data_offsets": offsets}
        at += len(value)
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + b"".join(values.values())


@pytest.mark.parametrize(
    ("one", "other", "where"),
    [
        (b"abcd", b"abXd", "byte 2"),
        (b"abcd", b"abcde", "byte 4"),
        (b"", b"x", "byte 0"),
        (tensors(a=b"1234", b=b"5678"), tensors(a=b"1234", b=b"56X8"), "tensor b"),
        (tensors(a=b"1234"), tensors(c=b"1234"), "byte "),
    ],
    ids=["a byte", "longer", "empty", "a tensor", "a header"],
)
def test_the_first_difference_is_a_byte_or_a_tensor(
    tmp_path: Path, one: bytes, other: bytes, where: str
) -> None:
    """Found without a library."""
    store = Store(tmp_path / "store")

    first, second = (_put(store, data) for data in (one, other))

    assert first_difference(store, first, second).startswith(where)


def _put(store: Store, data: bytes) -> Stored:
    file = store.root / "file"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    return store.put(file)


def test_a_file_that_only_one_has_is_named(tmp_path: Path) -> None:
    """And files that are gone are said to be."""
    store = Store(tmp_path / "store")
    trees = []
    for names in (["a"], ["a", "b"]):
        folder = tmp_path / "-".join(names)
        folder.mkdir()
        for name in names:
            (folder / name).write_text(name)
        store.root.mkdir(exist_ok=True)
        trees.append(store.put(folder))
    gone = Stored("sha256:" + "0" * 64, 1, "file")

    assert first_difference(store, *trees) == "b is in one of them only"
    assert first_difference(store, gone, trees[0]) == "the first run's files are not here"
