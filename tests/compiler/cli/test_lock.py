"""`ftc lock`, and the builds that hold to ftc.lock, as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from command_line import Ftc, MakeProject
from ftc.lockfile.lock import Lock, LockedStage
from ftc.lockfile.reading import read
from ftc.lockfile.writing import write
from ftc.store.objects import Stored
from ftc.store.records import decode_record, encode_record
from hub_server import Hub, Repo, serving

DATASETS = """\
version: 1
name: rows
datasets:
  sums:
    source: data/sums.json
    holdout: {fraction: 0.25, seed: 1}
"""
HUB = """\
version: 1
name: hub
models:
  base: {source: "hf://acme/tiny"}
"""
TORCH = version("torch").partition("+")[0]


@pytest.fixture
def rows(project: MakeProject) -> Ftc:
    """A project with one dataset, built."""
    ftc = project(DATASETS)
    built = ftc("build", "sums")
    assert built.returncode == 0, built.stderr
    return ftc


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub with one model."""
    files = {"config.json": b"{}\n", "model.safetensors": b"weights"}
    with serving(Hub({"acme/tiny": Repo(files)})) as hub:
        yield hub


def holding(library: str, locked: str) -> LockedStage:
    """Return a stage of a lock that was built with a library."""
    image = {
        "schema": 1,
        "kind": "model",
        "version": 1,
        "spec": {},
        "inputs": {},
        "libraries": {library: locked},
        "outputs": {"model": "model"},
    }
    return LockedStage("0" * 64, image, "exact", {"model": Stored("sha256:aa", 1, "tree")})


def test_a_build_writes_the_lock_and_checking_it_runs_nothing(rows: Ftc) -> None:
    """Exit 0 while it is right; 4 with the setting and its line once it is not."""
    before = (rows.folder / "ftc.lock").read_bytes()

    right = rows("lock", "--check")
    again = rows("lock")
    rows.edit("seed: 1", "seed: 2")
    wrong = rows("lock", "--check")
    record = json.loads(rows("lock", "--check", "--json").stdout)

    assert (right.returncode, right.stdout) == (0, "")
    assert right.stderr == "ftc.lock is right about 1 stage\n"
    assert (again.returncode, again.stderr) == (0, "ftc.lock is up to date\n")
    assert (wrong.returncode, wrong.stdout) == (
        4,
        "dataset:sums differs from ftc.lock\n  holdout.seed 1 -> 2  (project.yaml:6)\n",
    )
    assert record["reasons"][0] == {
        "leaf": "holdout.seed",
        "before": 1,
        "now": 2,
        "place": "project.yaml:6",
        "text": "holdout.seed 1 -> 2",
    }
    assert (rows.folder / "ftc.lock").read_bytes() == before


@pytest.mark.invariant(11)
def test_locked_stops_before_any_work_at_a_difference(rows: Ftc) -> None:
    """Exit 4, the field and its line, and neither lock nor out/ nor store has moved."""
    before = (rows.folder / "ftc.lock").read_bytes()
    shown = (rows.folder / "out" / "sums").readlink()
    rows.edit("seed: 1", "seed: 2")

    done = rows("build", "--locked", "sums")

    assert (done.returncode, done.stdout, done.stderr) == (
        4,
        "dataset:sums differs from ftc.lock\n  holdout.seed 1 -> 2  (project.yaml:6)\n",
        "ftc.lock differs in 1 stage, and nothing was run: "
        "`ftc build` without --locked brings it up to date\n",
    )
    assert (rows.folder / "ftc.lock").read_bytes() == before
    assert (rows.folder / "out" / "sums").readlink() == shown
    assert rows.states() == {"dataset:sums": "stale"}


def test_a_clone_with_the_lock_alone_rebuilds_every_digest(rows: Ftc, project: MakeProject) -> None:
    """It says that it ran the stage and compared; the lock stays as it is."""
    clone = project(DATASETS, name="clone")
    lock = (rows.folder / "ftc.lock").read_bytes()
    (clone.folder / "ftc.lock").write_bytes(lock)

    done = clone("build", "--locked", "sums")
    here = clone("build", "--locked", "sums")

    assert done.returncode == 0, done.stderr
    assert "= dataset:sums  run again: the same bytes as in ftc.lock\n" in done.stderr
    assert here.stderr == "= dataset:sums  here, with the digests in ftc.lock\n"
    assert (clone.folder / "ftc.lock").read_bytes() == lock
    ours, theirs = (ftc.folder / "out" / "sums" / "train.jsonl" for ftc in (rows, clone))
    assert ours.read_bytes() == theirs.read_bytes()


def test_other_bytes_than_locked_exit_4_and_are_not_shown(rows: Ftc) -> None:
    """As if the lock came from a machine on which this stage gave something else."""
    lock = read(rows.folder)
    entry = lock.stages["dataset:sums"]
    other = entry.outputs["train"]._replace(digest="sha256:" + "0" * 64)
    changed = entry._replace(outputs={**entry.outputs, "train": other})
    write(rows.folder, lock._replace(stages={"dataset:sums": changed}))
    shown = (rows.folder / "out" / "sums").readlink()

    done = rows("build", "--locked", "sums")

    reason = "this stage does not repeat itself here, and should anywhere: that is a bug of ftc"
    mine = entry.outputs["train"]
    assert done.returncode == 4
    assert done.stdout == (
        f"dataset:sums: train differs from ftc.lock: {reason}\n"
        f"  {other.digest} in ftc.lock, {other.size} bytes\n"
        f"  {mine.digest} here, {mine.size} bytes\n"
    )
    assert (rows.folder / "out" / "sums").readlink() == shown


def test_frozen_takes_what_is_locked_without_anything_heavy(rows: Ftc) -> None:
    """The source is gone, the settings are others, and no library but pydantic and yaml loads."""
    (rows.folder / "out" / "sums").unlink()
    (rows.folder / "data" / "sums.json").write_text("[]")
    rows.edit("seed: 1", "seed: 2")
    heavy = ["torch", "transformers", "peft", "numpy", "safetensors", "doit", "huggingface_hub"]
    program = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({heavy!r}))\n"
        "from ftc.cli.main import main\n"
        "sys.exit(main(['build', '--frozen', 'sums']))"
    )

    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=rows.folder,
        env=rows.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == "".join(
        f"= dataset:sums ({name})  taken from the store\n"
        for name in ("train", "holdout", "report")
    )
    assert (rows.folder / "out" / "sums" / "train.jsonl").exists()


def test_frozen_names_what_is_nowhere(rows: Ftc) -> None:
    """Each output with its digest and where it was looked for; exit 1."""
    stored = read(rows.folder).stages["dataset:sums"].outputs["train"]
    place = rows.store / "objects" / stored.digest[7:9] / stored.digest[7:]
    place.unlink()

    done = rows("build", "--frozen", "sums.train")

    assert (done.returncode, done.stderr) == (
        1,
        f"error[frozen]: dataset:sums (train) {stored.digest}: "
        f"it is not in {rows.store}, and there is no remote\n",
    )


def test_rebuilding_compares_with_the_first_result(rows: Ftc) -> None:
    """Exit 0 while all is the same; exit 1 and both digests when not."""
    same = rows("build", "--rebuild", "sums")
    key = json.loads(rows("status", "--json").stdout)["key"]
    file = rows.store / "ac" / key[:2] / f"{key}.json"
    record = decode_record(file.read_bytes())
    first = record.outputs["train"].digest
    # As if the first run had given its holdout's rows as the rows to train on.
    outputs = {**record.outputs, "train": record.outputs["holdout"]}
    file.write_bytes(encode_record(record._replace(outputs=outputs)))
    other = rows("build", "--rebuild", "dataset:sums")

    assert same.returncode == 0, same.stderr
    assert [line.split(", ")[0] for line in same.stdout.splitlines()] == [
        f"dataset:sums: {name} came out the same" for name in ("train", "holdout", "report")
    ]
    assert other.returncode == 1
    assert other.stdout.startswith("dataset:sums: train came out otherwise, first in byte ")
    assert f"  {first}, " in other.stdout
    assert decode_record(file.read_bytes()).outputs == outputs
    assert file.with_name(f"{key}.alt.1.json").exists()


def test_a_second_run_with_settings_leaves_the_project_alone(rows: Ftc) -> None:
    """What the project uses is still what it used."""
    assert rows("build", "sums").returncode == 0
    (ref,) = (rows.store / "refs").glob("*/dataset*.json")
    used = ref.read_text()

    tried = rows("build", "--rebuild", "sums", "-s", "sums.holdout.seed=8")

    assert tried.returncode == 0, tried.stderr
    assert "came out the same" in tried.stdout
    assert ref.read_text() == used


def test_a_build_goes_one_way_at_a_time(rows: Ftc) -> None:
    """Two ways at once would have one of them do nothing."""
    done = rows("build", "--rehearse", "--locked")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("argument --locked: not allowed with argument --rehearse\n")


def test_after_a_merge_conflict_the_lock_is_made_again(rows: Ftc) -> None:
    """One way out, named by every command that needs the lock."""
    file = rows.folder / "ftc.lock"
    text = file.read_text()
    file.write_text(
        text.replace("version = 1\n", "version = 1\n<<<<<<< a\n=======\n>>>>>>> b\n", 1)
    )

    stopped = rows("build", "sums")
    mended = rows("lock")

    assert stopped.returncode == 2
    assert "error[lock]" in stopped.stderr
    assert "= help: `ftc lock` makes one lock of both sides" in stopped.stderr
    assert mended.returncode == 0
    assert mended.stderr.startswith("made one lock of both sides of the merge\n")
    assert file.read_text() == text


def test_pins_are_made_without_building_and_moved_when_asked(
    project: MakeProject, hub: Hub
) -> None:
    """A new commit changes nothing by itself; --upgrade says old -> new."""
    ftc = project(HUB)
    online = {"HF_ENDPOINT": hub.url, "HOME": str(ftc.folder)}
    first = hub.repos["acme/tiny"].commit

    made = ftc("lock", **online)
    hub.repos["acme/tiny"].files["config.json"] = b'{"new": true}\n'
    second = hub.repos["acme/tiny"].commit
    kept = ftc("lock", **online)
    moved = ftc("lock", "--upgrade", "base", **online)
    unknown = ftc("lock", "--upgrade", "bass", **online)

    assert made.returncode == 0, made.stderr
    assert made.stdout == f"hf://acme/tiny (unset) -> {first}\n"
    assert kept.stderr == "ftc.lock is up to date\n"
    assert moved.stdout == f"hf://acme/tiny {first} -> {second}\n"
    assert read(ftc.folder).pins["hf://acme/tiny"].revision == second
    assert (unknown.returncode, unknown.stderr) == (
        2,
        "error[unknown-source]: `bass` is no source of a hub or a cloud, which alone get newer\n"
        " = help: did you mean `base`?\n",
    )


def test_a_locked_library_ends_a_build_at_once_until_env_is_upgraded(project: MakeProject) -> None:
    """Both versions and both ways out; then [env] moves, and says from where to where."""
    ftc = project()
    entry = holding("torch", "1.0")
    write(ftc.folder, Lock(env={"torch": "1.0"}, stages={"model:smollm2": entry}))

    stopped = ftc("build", "small")
    moved = ftc("lock", "--upgrade", "env")

    assert (stopped.returncode, stopped.stderr) == (
        1,
        f"error[libraries]: torch is {TORCH}, the key says 1.0\n"
        " = help: pip install torch==1.0, or go on with what is installed: "
        "ftc lock --upgrade env\n",
    )
    assert moved.stdout == f"env.torch 1.0 -> {TORCH}\n"
    assert read(ftc.folder).env == {"torch": TORCH}
    assert not list(Path(ftc.store).glob("ac/*/*"))
