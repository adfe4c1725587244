"""A hundred corruptions of a store: each is detected, none is served, all are repaired."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from ftc.build.views import make_view, show
from ftc.plan.keys import key_of
from ftc.plan.stages import Edge, Target
from ftc.store.care.repair import mend, recover
from ftc.store.care.verify import Damage, damages
from toy_project import ToyProject

TARGETS = (
    Target("merged", "exports", {".": Edge("merge:m", "model"), "notes": Edge("merge:m", "rows")}),
    Target("file", "exports", {"file.gguf": Edge("gguf:g", "gguf")}),
)

Corrupt = Callable[[random.Random, Path], None]


def written(path: Path, data: bytes) -> None:
    """Write into a file as something does that does not care about modes."""
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)


def flipped(data: bytes, choose: random.Random) -> bytes:
    """Return data with one other bit."""
    changed = bytearray(data)
    changed[choose.randrange(len(data))] ^= 1 << choose.randrange(8)
    return bytes(changed)


def some(choose: random.Random, store: Path, pattern: str) -> Path:
    """Return one file or link of the store."""
    return choose.choice(sorted(p for p in store.glob(pattern) if p.is_symlink() or not p.is_dir()))


def flip_a_bit(choose: random.Random, store: Path) -> None:
    """The size stays."""
    path = some(choose, store, "objects/*/*")
    written(path, flipped(path.read_bytes(), choose))


def flip_a_bit_and_hide_it(choose: random.Random, store: Path) -> None:
    """The size and the mtime stay."""
    path = some(choose, store, "objects/*/*")
    before = path.stat()
    written(path, flipped(path.read_bytes(), choose))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def put_another_in_its_place(choose: random.Random, store: Path) -> None:
    """The size stays, and nobody ever read this inode."""
    path = some(choose, store, "objects/*/*")
    other = store / "tmp" / "other"
    other.write_bytes(flipped(path.read_bytes(), choose))
    other.chmod(0o444)
    other.replace(path)


def cut_off(choose: random.Random, store: Path) -> None:
    """Anywhere, the beginning included."""
    path = some(choose, store, "objects/*/*")
    data = path.read_bytes()
    written(path, data[: choose.randrange(len(data))])


def add_to_it(choose: random.Random, store: Path) -> None:
    """A line more."""
    path = some(choose, store, "objects/*/*")
    written(path, path.read_bytes() + b"\n")


def delete(choose: random.Random, store: Path) -> None:
    """An object."""
    some(choose, store, "objects/*/*").unlink()


def link_it_elsewhere(choose: random.Random, store: Path) -> None:
    """To the same bytes, which anyone may write to."""
    path = some(choose, store, "objects/*/*")
    elsewhere = store / "elsewhere"
    elsewhere.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(elsewhere)


def open_it(choose: random.Random, store: Path) -> None:
    """A mode that lets others write, or nobody read."""
    some(choose, store, "objects/*/*").chmod(choose.choice([0o644, 0o666, 0o755, 0o000]))


def tear_a_record(choose: random.Random, store: Path) -> None:
    """As a machine does that loses its power."""
    path = some(choose, store, "ac/*/*.json")
    data = path.read_bytes()
    path.write_bytes(data[: choose.randrange(len(data))])


def flip_a_record(choose: random.Random, store: Path) -> None:
    """Most of these are still JSON."""
    path = some(choose, store, "ac/*/*.json")
    path.write_bytes(flipped(path.read_bytes(), choose))


def delete_a_record(choose: random.Random, store: Path) -> None:
    """One that is in use."""
    key = json.loads(some(choose, store, "refs/*/*").read_bytes())["key"]
    (store / "ac" / key[:2] / f"{key}.json").unlink()


def flip_a_ref(choose: random.Random, store: Path) -> None:
    """It names another key, or is no ref."""
    path = some(choose, store, "refs/*/*")
    path.write_bytes(flipped(path.read_bytes().rstrip(), choose))


def change_a_tree(choose: random.Random, store: Path) -> None:
    """A file of the user's own instead of a link, or beside the links, or a link elsewhere."""
    link = some(choose, store, "trees/*/*/*.txt")
    match choose.randrange(3):
        case 0:
            link.unlink()
            link.write_text("mine")
        case 1:
            (link.parent / "more.txt").write_text("mine")
        case _:
            link.unlink()
            link.symlink_to(some(choose, store, "objects/*/*"))


def change_what_out_shows(choose: random.Random, store: Path) -> None:
    """A link that leads elsewhere, or a record that says something else."""
    path = some(choose, store, "views/*/*")
    if path.is_symlink():
        path.unlink()
        path.symlink_to(store / "tmp")
    else:
        path.write_bytes(flipped(path.read_bytes(), choose))


KINDS: tuple[Corrupt, ...] = (
    flip_a_bit,
    flip_a_bit_and_hide_it,
    put_another_in_its_place,
    cut_off,
    add_to_it,
    delete,
    link_it_elsewhere,
    open_it,
    tear_a_record,
    flip_a_record,
    delete_a_record,
    flip_a_ref,
    change_a_tree,
    change_what_out_shows,
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ToyProject:
    """Return a built project of files and folders, shown under `out/`."""
    project = ToyProject(tmp_path_factory.mktemp("project"))
    project.stage("dataset:d", text="rows")
    project.stage("sft:a", inputs=["dataset:d"], outputs={"adapter": "adapter"})
    project.stage("merge:m", inputs=["sft:a>adapter"], outputs={"model": "model", "rows": "rows"})
    project.stage("gguf:g", inputs=["merge:m>model"], outputs={"gguf": "report"})
    build(project)
    return project


def build(project: ToyProject) -> None:
    """Build the targets, and show them."""
    outcome = project.build(*(name for target in TARGETS for name in target.stages()))
    assert outcome.code == 0
    states = project.freshness().look()
    for target in TARGETS:
        view = make_view(target, states, project.store, root=project.root)
        show(view, target, out=project.root / "out")


def served(project: ToyProject) -> dict[str, bytes]:
    """Return all that `out/` gives to whoever reads it, but for the facts of the runs."""
    return {
        path.relative_to(project.root).as_posix(): path.read_bytes()
        for name in ("merged", "file")
        for path in sorted(followed(project.root / "out" / name))
        if path.name != "record.json"
    }


def followed(folder: Path) -> list[Path]:
    """Return the files below a folder, through links to folders too."""
    found = []
    for path in folder.iterdir():
        found += followed(path) if path.is_dir() else [path]
    return found


def found_in(project: ToyProject) -> list[Damage]:
    """Return what `ftc verify` finds."""
    return damages(project.store, told=lambda read, total: None, key_of=key_of)


@pytest.mark.parametrize("number", range(100))
def test_a_corruption_is_detected_never_served_and_repaired(
    project: ToyProject, number: int
) -> None:
    """Every third time a stage runs that reads what may be damaged."""
    store, choose = project.root / ".ftc", random.Random(number)
    right, objects = served(project), sorted(store.glob("objects/*/*"))
    if number % 3 == 0:
        reader = choose.choice(["merge:m", "gguf:g"])
        stage = project.stages[reader]
        aside = {**stage.semantic, "aside": str(number)}
        project.stages[reader] = stage._replace(semantic=aside)
    KINDS[number % len(KINDS)](choose, store)

    detected = found_in(project)
    build(project)
    after_a_build = served(project)
    for damage in found_in(project):
        mend(project.store, damage)
    recover(project.store, None)
    project.build()
    build(project)

    assert detected
    assert after_a_build == right
    assert found_in(project) == []
    assert served(project) == right
    assert sorted(store.glob("objects/*/*")) == objects
    assert set(project.statuses().values()) == {"fresh"}
