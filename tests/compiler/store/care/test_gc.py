"""What goes and what stays: for one project, for several, under concurrent builds, after a kill."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ftc.diagnostics import ProjectError
from ftc.plan.keys import key_of
from ftc.store.care.gc import Garbage, delete, garbage
from ftc.store.care.marking import mark
from ftc.store.care.projects import Project, register, registered
from ftc.store.care.roots import roots
from ftc.store.care.verify import Damage, damages
from ftc.store.locks import Holder, KeyLock, deleting_from
from toy_project import ToyProject, wait_until


@pytest.fixture
def project(tmp_path: Path) -> ToyProject:
    """Return a built project of three stages, the last with a folder."""
    return built(tmp_path / "project")


def built(root: Path) -> ToyProject:
    """Build a project in a folder, with a store of its own."""
    root.mkdir()
    (root / "project.yaml").write_text("version: 1\nname: toy\n")
    project = ToyProject(root)
    project.stage("dataset:d", text="rows")
    project.stage("sft:a", text="r 8", inputs=["dataset:d"], outputs={"adapter": "adapter"})
    gguf(project)
    project.build()
    project.ran()
    return project


def gguf(project: ToyProject, **more: Any) -> None:
    """Add the last stage, or put another in its place."""
    project.stage("gguf:g", inputs=["sft:a>adapter"], outputs={"gguf": "report"}, **more)


def described(project: ToyProject, **more: Any) -> Project:
    """Return the project as its store knows it."""
    return Project("toy", "toy", project.root)._replace(**more)


def found(project: ToyProject, *, grace: float = 0.0, **more: Any) -> Garbage:
    """Return the garbage of the project's store; nothing is young unless *grace* says so."""
    used = [(name, str(state.key)) for name, state in project.freshness().look().items()]
    chosen = roots(project.store, described(project, **more), used=used)
    return garbage(project.store, mark(project.store, chosen, grace_seconds=grace))


def collect(project: ToyProject, **more: Any) -> Garbage:
    """Delete the garbage as `ftc gc --delete` does."""
    register(project.store, described(project, **more))
    with deleting_from(project.store):
        gone = found(project, **more)
        delete(project.store, gone)
    return gone


def edit(project: ToyProject, text: str) -> None:
    """Train with another setting, and build."""
    project.stage("sft:a", text=text, inputs=["dataset:d"], outputs={"adapter": "adapter"})
    project.build()
    project.ran()


def files(project: ToyProject) -> set[str]:
    """Return the names of all objects and records."""
    store = project.root / ".ftc"
    return {path.name for folder in ("objects", "ac") for path in store.glob(f"{folder}/*/*")}


def key(project: ToyProject, stage: str) -> str:
    """Return the key of a stage as it is now."""
    return str(project.freshness().look()[stage].key)


def damage(project: ToyProject) -> list[Damage]:
    """Return what `ftc verify` finds."""
    return damages(project.store, told=lambda read, total: None, key_of=key_of)


def test_what_is_in_use_stays(project: ToyProject) -> None:
    """All of it, and a build after that runs nothing."""
    before = files(project)

    gone = collect(project)

    assert (gone.records, gone.dropped, gone.files) == ([], [], [])
    assert files(project) == before
    assert set(project.statuses().values()) == {"fresh"}


def test_what_an_edit_left_behind_goes_after_the_grace(project: ToyProject) -> None:
    """Only that: its records, with those that lost against them, and its files."""
    old = {key(project, "sft:a"), key(project, "gguf:g")}
    alternative = project.root / ".ftc" / "ac" / min(old)[:2] / f"{min(old)}.alt.1.json"
    edit(project, "r 16")
    alternative.write_bytes(b"{}")
    after = files(project)

    young = found(project, grace=3600).pieces()
    shown = found(project)
    untouched = files(project)
    collect(project)

    assert young == []
    assert untouched == after
    assert {piece.key for piece in shown.records} == old
    assert {piece.path.name for piece in (*shown.records, *shown.files)} == after - files(project)
    assert not alternative.exists()
    assert set(project.statuses().values()) == {"fresh"}
    assert damage(project) == []


def test_the_files_of_exports_alone_may_stay(project: ToyProject) -> None:
    """Records stay, so nothing is stale; what is needed again is made again, to the same bytes."""
    before = files(project)

    gone = collect(project, kept=("gguf:g>gguf",))
    statuses = project.statuses()
    found_then = damage(project)
    project.build("gguf:g")
    ran = project.ran()
    project.build()

    assert set(gone.dropped) == {key(project, "dataset:d"), key(project, "sft:a")}
    assert statuses == {"dataset:d": "absent", "sft:a": "absent", "gguf:g": "fresh"}
    assert found_then == []
    assert ran == []
    assert project.ran() == ["dataset:d", "sft:a"]
    assert files(project) == before
    assert not any((project.root / ".ftc" / "dropped").glob("*/*"))


def test_a_stage_that_is_no_more_loses_its_result(project: ToyProject) -> None:
    """And its ref, so that nothing leads nowhere."""
    del project.stages["gguf:g"]

    collect(project)

    assert len(list((project.root / ".ftc" / "ac").glob("*/*"))) == 2
    assert project.store.ref("toy", "gguf:g") is None
    assert damage(project) == []


def test_what_out_shows_stays(project: ToyProject) -> None:
    """Though the project would build something else by now."""
    shown = {"outputs": {"f": {"key": key(project, "gguf:g"), "output": "gguf"}}}
    (project.root / "out" / "g").mkdir(parents=True)
    (project.root / "out" / "g" / "record.json").write_text(json.dumps(shown))
    [stored] = project.freshness().look()["gguf:g"].record.outputs.values()  # type: ignore[union-attr]
    edit(project, "r 16")

    collect(project)

    assert project.store.proves(stored)


@pytest.mark.parametrize("pattern", ["main", "v*"])
def test_what_a_lock_in_git_names_stays(project: ToyProject, pattern: str) -> None:
    """Branches and tags by pattern; what others name goes."""

    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *who, *words], cwd=project.root, check=True, capture_output=True)

    git("init")
    git("commit", "--allow-empty", "-m", "without a lock")
    git("tag", "v0")
    for branch, text in (("main", "r 8"), ("other", "r 32")):
        edit(project, text)
        stages = [f'[stage."{name}"]\nkey = "{key(project, name)}"\n' for name in project.stages]
        (project.root / "ftc.lock").write_text("\n".join(stages))
        git("checkout", "-B", branch)
        git("add", "ftc.lock")
        git("commit", "-m", text)
    git("tag", "v1", "main")
    git("rm", "-q", "ftc.lock")
    edit(project, "r 16")

    collect(project, keep_refs=(pattern,))
    texts = set()
    for text in ("r 8", "r 16", "r 32"):
        project.stage("sft:a", text=text, inputs=["dataset:d"], outputs={"adapter": "adapter"})
        if project.freshness().look()["gguf:g"].known is not None:
            texts.add(text)

    assert texts == {"r 8", "r 16"}


def test_git_refs_that_cannot_be_read_stop_the_collection(project: ToyProject) -> None:
    """Rather than that what they keep goes."""
    with pytest.raises(ProjectError, match="git cannot read the refs"):
        found(project, keep_refs=("main",))


def test_another_project_loses_nothing(project: ToyProject, tmp_path: Path) -> None:
    """Registered or not, with results of its own and with shared ones."""
    store = project.root / ".ftc"
    for owner in ("known-1", "unknown-1"):
        folder = tmp_path / owner
        folder.mkdir()
        (folder / "project.yaml").write_text(f"name: {owner[:-2]}\n")
        edit(project, owner)
        project.store.set_ref(owner, "sft:a", key(project, "sft:a"))
    register(project.store, Project("known-1", "known", tmp_path / "known-1"))
    edit(project, "r 8")

    gone = collect(project)

    records = [project.store.record(path.stem) for path in store.glob("ac/*/*")]
    texts = sorted(record.preimage["spec"]["text"] for record in records if record is not None)
    assert texts == ["", "known-1", "r 8", "rows", "unknown-1"]
    assert len(gone.records) == 2
    assert damage(project) == []


def test_a_project_that_is_gone_keeps_nothing(project: ToyProject, tmp_path: Path) -> None:
    """Its folder was removed, or has another project's file."""
    for owner, name in (("removed-1", "removed"), ("replaced-1", "replaced")):
        edit(project, owner)
        project.store.set_ref(owner, "sft:a", key(project, "sft:a"))
        register(project.store, Project(owner, name, tmp_path / owner))
    (tmp_path / "replaced-1").mkdir()
    (tmp_path / "replaced-1" / "project.yaml").write_text("name: successor\n")
    edit(project, "r 8")

    gone = collect(project)

    assert len(gone.records) == 4
    assert [one.owner for one in registered(project.store)] == ["toy"]
    assert sorted(path.name for path in (project.root / ".ftc" / "refs").iterdir()) == ["toy"]


def test_a_rehearsal_keeps_nothing(project: ToyProject) -> None:
    """Its refs are of another owner, and go with what they name."""
    edit(project, "rehearsed")
    project.store.set_ref("toy.rehearsal", "sft:a", key(project, "sft:a"))
    edit(project, "r 8")

    gone = collect(project)

    assert len(gone.records) == 2
    assert damage(project) == []


def test_unfinished_work_stays_for_a_fortnight(project: ToyProject) -> None:
    """So that a training can go on; and as long as someone may write to it."""
    folders = {name: project.store.work(name * 64) for name in "abc"}
    for folder in folders.values():
        (folder / "scratch").mkdir(parents=True)
    for name in "bc":
        long_ago = time.time() - 15 * 24 * 3600
        for path in (folders[name] / "scratch", folders[name]):
            os.utime(path, (long_ago, long_ago))

    with KeyLock(project.store, "c" * 64) as lock:
        assert lock.acquire()
        collect(project)

    assert [name for name, folder in folders.items() if folder.exists()] == ["a", "c"]


def test_what_belongs_to_nothing_goes(project: ToyProject) -> None:
    """Logs, locks, links and scratch of what went; old quarantine."""
    store = project.root / ".ftc"
    old = {key(project, "sft:a"), key(project, "gguf:g")}
    edit(project, "r 16")
    (store / "tmp" / "left").write_text("left")
    shown = set(store.glob("trees/*/*"))

    collect(project)

    names = {
        path.name
        for folder in ("logs", "locks", "work", "tmp")
        for path in store.glob(f"{folder}/*")
    }
    assert not any(name.startswith(tuple(old)) or name == "left" for name in names)
    assert len(shown - set(store.glob("trees/*/*"))) == 1


def test_a_project_that_moved_finds_its_refs_again(project: ToyProject, tmp_path: Path) -> None:
    """Under its new owner's name, and the old one is forgotten."""
    store = project.store
    before = Project("toy-1", "toy", tmp_path / "before")
    register(store, before)
    store.set_ref("toy-1", "sft:a", "k" * 64)

    register(store, Project("toy-2", "toy", project.root))

    assert store.ref("toy-2", "sft:a") == "k" * 64
    assert [one.owner for one in registered(store)] == ["toy-2"]


def test_a_collection_waits_for_a_build_and_says_for_whom(project: ToyProject) -> None:
    """What the build has made by then stays."""
    gguf(project, text="slow", seconds=1.5)
    builder = project.build_elsewhere()
    wait_until((project.root / "journal").exists)
    told: list[Holder] = []

    with deleting_from(project.store, waiting=told.append):
        used = [(name, str(state.key)) for name, state in project.freshness().look().items()]
        chosen = roots(project.store, described(project), used=used)
        delete(project.store, garbage(project.store, mark(project.store, chosen, grace_seconds=0)))
        ended = "finished gguf:g" in (builder.communicate()[0])

    assert ended
    assert [holder.pid for holder in told] == [builder.pid]
    assert builder.returncode == 0
    assert set(project.statuses().values()) == {"fresh"}


def has_open(process: int, file: Path) -> bool:
    """Say whether a process has a file open."""
    try:
        return file in [link.readlink() for link in Path(f"/proc/{process}/fd").iterdir()]
    except FileNotFoundError:
        # It has closed another one meanwhile.
        return False


def test_a_build_waits_for_a_collection(project: ToyProject) -> None:
    """It begins when nothing is deleted any more."""
    gguf(project, text="new")

    with deleting_from(project.store):
        builder = project.build_elsewhere()
        wait_until(lambda: has_open(builder.pid, project.root / ".ftc" / "locks" / "store"))
        time.sleep(1.5)
        ran_meanwhile = project.ran()
    printed, _ = builder.communicate()

    assert ran_meanwhile == []
    assert (builder.returncode, project.ran()) == (0, ["gguf:g"])
    assert printed.startswith("started gguf:g\n")


@pytest.mark.invariant(9)
def test_collections_during_builds_delete_nothing_in_use(project: ToyProject) -> None:
    """Two builds of the same stages, and one collection after another without any grace."""
    for number in range(4):
        project.stage(f"toy:{number}", text=f"{number}", inputs=["dataset:d"])
    builders = [project.build_elsewhere() for _ in range(2)]
    collections = 0
    while any(builder.poll() is None for builder in builders):
        collect(project)
        collections += 1
    collect(project)

    assert [builder.wait() for builder in builders] == [0, 0]
    assert collections > 0
    assert set(project.statuses().values()) == {"fresh"}
    assert damage(project) == []


def changes_something(event: str, arguments: tuple[Any, ...]) -> bool:
    """Say whether what Python audits is more than a look."""
    if event == "open":
        return bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
    return event.startswith(("os.", "shutil.")) and event not in ("os.listdir", "os.scandir")


def collect_and_die(project: ToyProject, step: int) -> bool:
    """Collect in a process that kills itself at a step. Return whether it got through."""
    child = os.fork()
    if child == 0:
        steps = itertools.count()

        def kill(event: str, arguments: tuple[Any, ...]) -> None:
            if changes_something(event, arguments) and next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill)
        collect(project, kept=("gguf:g>gguf",))
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def test_killed_at_any_step_it_leaves_a_right_store(project: ToyProject, tmp_path: Path) -> None:
    """Nothing that is kept lacks a file, and the next collection ends what this one began."""
    edit(project, "r 16")
    calm = copied(project, tmp_path / "calm")
    collect(calm, kept=("gguf:g>gguf",))

    for step in itertools.count():
        disturbed = copied(project, tmp_path / str(step))
        through = collect_and_die(disturbed, step)
        damaged, statuses = damage(disturbed), disturbed.statuses()
        collect(disturbed, kept=("gguf:g>gguf",))

        assert damaged == []
        assert statuses["gguf:g"] == "fresh"
        assert not {"stale", "pending"} & set(statuses.values())
        assert files(disturbed) == files(calm)
        if through:
            break

    assert step > 20


def copied(project: ToyProject, root: Path) -> ToyProject:
    """Return a copy of a project, with its store."""
    shutil.copytree(project.root, root, symlinks=True)
    return ToyProject(root, project.stages)
