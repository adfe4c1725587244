"""How ftc.lock looks: sorted, a leaf a line, the same bytes for the same facts."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ftc.lockfile import FILE_NAME
from ftc.lockfile.blocks import text_of
from ftc.lockfile.lock import Content, Lock, LockedStage, MadeOn, Pin
from ftc.lockfile.reading import read
from ftc.lockfile.writing import rendered, write
from ftc.store.objects import Stored


def entry(rank: int, kind: str = "sft") -> LockedStage:
    """Return a stage of a lock."""
    image = {
        "schema": 1,
        "kind": kind,
        "version": 1,
        "spec": {"training": {"learning_rate": 0.001}, "lora": {"r": rank}},
        "inputs": {"train": "sha256:aa"},
        "libraries": {"torch": "2.13.0"},
        "outputs": {"adapter": "adapter"},
    }
    outputs = {"adapter": Stored("sha256:bb", 12, "tree")}
    return LockedStage("11", image, "seeded", outputs, MadeOn("avx2", 2))


def test_the_lock_is_sorted_a_leaf_a_line() -> None:
    """The head first, then a block a stage."""
    lock = Lock(
        env={"torch": "2.13.0", "peft": "0.21.2"},
        pins={"hf://acme/tiny": Pin("abc", {"b.json": "git:2", "a.json": "git:1"})},
        contents={"data/rows.json": Content("sha256:dd", 1234)},
        stages={"sft:a": entry(16)},
    )

    assert (
        rendered(lock)
        == """\
# Written by ftc: commit it. After a merge conflict `ftc lock` makes it again.
version = 1

[env]
peft = "0.21.2"
torch = "2.13.0"

[source."data/rows.json"]
digest = "sha256:dd"
bytes = 1234

[source."hf://acme/tiny"]
revision = "abc"

[source."hf://acme/tiny".files]
"a.json" = "git:1"
"b.json" = "git:2"

[stage."sft:a"]
key = "11"
kind = "sft"
version = 1
schema = 1
reproduces = "seeded"
spec.lora.r = 16
spec.training.learning_rate = 0.001
inputs.train = "sha256:aa"
libraries.torch = "2.13.0"
outputs.adapter = { artifact = "adapter", digest = "sha256:bb", kind = "tree", size = 12 }
made_on.instruction_set = "avx2"
made_on.threads = 2
"""
    )


def test_a_lock_that_stands_is_not_written_again(tmp_path: Path) -> None:
    """Its inode stays, so that nothing that watches it is woken; a change replaces it whole."""
    write(tmp_path, Lock(stages={"sft:a": entry(16)}))
    before = (tmp_path / FILE_NAME).stat()

    write(tmp_path, Lock(stages={"sft:a": entry(16)}))
    same = (tmp_path / FILE_NAME).stat()
    write(tmp_path, Lock(stages={"sft:a": entry(8)}))

    assert (same.st_ino, same.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert "spec.lora.r = 8" in text_of(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_git_merges_two_stages_that_changed_apart(tmp_path: Path) -> None:
    """One block a stage: a merge of two branches that built different things has no conflict."""
    names = ["a", "b", "c"]

    def git(*words: str) -> str:
        identity = ["-c", "user.name=ftc", "-c", "user.email=ftc@example.org"]
        command = ["git", *identity, *words]
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    def commit(**ranks: int) -> None:
        stages = {f"sft:{name}": entry(ranks.get(name, 16)) for name in names}
        write(tmp_path, Lock(stages=stages))
        git("add", "-A")
        git("commit", "-q", "-m", "build")

    git("init", "-q", "-b", "main")
    commit()
    git("checkout", "-q", "-b", "other")
    commit(a=8)
    git("checkout", "-q", "main")
    commit(c=32)
    git("merge", "-q", "--no-edit", "other")

    ranks = [read(tmp_path).stages[f"sft:{name}"].preimage["spec"]["lora"]["r"] for name in names]
    assert ranks == [8, 16, 32]
