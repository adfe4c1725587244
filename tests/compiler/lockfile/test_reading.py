"""Reading ftc.lock back, and what is said of one that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftc.diagnostics import ProjectError
from ftc.lockfile import FILE_NAME
from ftc.lockfile.lock import Content, Lock, LockedStage, MadeOn, Pin
from ftc.lockfile.reading import LockedStages, parse, read, read_head, read_merged
from ftc.lockfile.writing import rendered, write
from ftc.store.objects import Stored

SPEC: dict[str, Any] = {
    "lora": {"r": 16, "a.b": None, "empty": {}, "deep": {"rate": 1e-05, "large": 1e16}},
    "text": 'é\n"\\\x7f\x01\t',
    "list": [1, None, 2.0, {"role": "user", "nothing": None}, [], True],
    "[x]": "[stage.y]",
}


def entry(key: str = "11", **spec: Any) -> LockedStage:
    """Return a stage of a lock."""
    image = {
        "schema": 1,
        "kind": "sft",
        "version": 2,
        "spec": spec,
        "inputs": {"role.0": "sha256:aa"},
        "libraries": {"torch": "2.13.0"},
        "outputs": {"adapter": "adapter"},
    }
    outputs = {"adapter": Stored("sha256:bb", 12, "tree")}
    return LockedStage(key, image, "seeded", outputs, MadeOn("avx2", 2, "avx2", True))


LOCK = Lock(
    env={"torch": "2.13.0", "llama.cpp-converter": "sha256:cc"},
    pins={"hf://acme/tiny@main": Pin("abc", {"config.json": "git:1", "a b/c.json": "sha256:2"})},
    contents={"data/rows.json": Content("sha256:dd", 1234)},
    stages={"sft:a@lora.r=8/x": entry(**SPEC), "dataset:empty": entry()},
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """Every kind of value that a setting may have, unset ones too."""
    write(tmp_path, LOCK)

    assert read(tmp_path) == LOCK
    assert read_head(tmp_path) == LOCK._replace(stages={})
    assert LockedStages(tmp_path).get("sft:a@lora.r=8/x") == LOCK.stages["sft:a@lora.r=8/x"]
    assert LockedStages(tmp_path).get("sft:none") is None


def test_there_need_be_no_lock(tmp_path: Path) -> None:
    """It is then empty."""
    assert read(tmp_path) == read_head(tmp_path) == Lock()
    assert LockedStages(tmp_path).get("sft:a") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "<<<<<<< HEAD\n",
            "error[lock]: ftc.lock holds a merge conflict\n"
            " = help: `ftc lock` makes one lock of both sides",
        ),
        (
            "version = 2\n",
            "error[lock]: ftc.lock is of version 2; this ftc reads 1\n"
            " = help: it was written by a newer ftc: update this one",
        ),
        (
            "version = 1\n[source.x]\nbytes = 1\n",
            "error[lock]: ftc.lock cannot be read: there is no 'digest'\n"
            " = help: take it back from git, or delete it: `ftc lock` makes it anew",
        ),
        (
            "version\n",
            "error[lock]: ftc.lock cannot be read: Expected '=' after a key in a key/value pair "
            "(at line 1, column 8)\n"
            " = help: take it back from git, or delete it: `ftc lock` makes it anew",
        ),
    ],
    ids=["conflict", "newer", "torn", "no TOML"],
)
def test_a_lock_that_cannot_be_read_says_why_and_the_way_out(text: str, told: str) -> None:
    """One diagnostic."""
    with pytest.raises(ProjectError) as caught:
        parse(text, name="ftc.lock")

    assert str(caught.value) == told


def test_a_conflict_is_merged_ours_first(tmp_path: Path) -> None:
    """Stages that only one side has stay; of those that both have it is ours."""
    ours = rendered(Lock(env={"torch": "2"}, stages={"a": entry("1"), "b": entry("2")}))
    theirs = rendered(Lock(env={"torch": "3"}, stages={"a": entry("9"), "c": entry("3")}))
    (tmp_path / FILE_NAME).write_text(f"<<<<<<< ours\n{ours}=======\n{theirs}>>>>>>> theirs\n")

    lock = read_merged(tmp_path)

    assert lock.env == {"torch": "2"}
    assert {name: stage.key for name, stage in lock.stages.items()} == {
        "a": "1",
        "b": "2",
        "c": "3",
    }
