"""Damage that keeps its size is found by reading, told, moved aside, and built anew."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from command_line import Ftc, MakeProject

PROJECT = """\
version: 1
name: rows
datasets:
  sums: {source: data/sums.json, holdout: {fraction: 0.25, seed: 1}}
"""


@pytest.fixture
def built(project: MakeProject) -> Ftc:
    """A project with one built stage of three outputs."""
    ftc = project(PROJECT)
    done = ftc("build", "sums")
    assert done.returncode == 0, done.stderr
    return ftc


def damaged(path: Path, how: str) -> None:
    """Damage a file of the store."""
    data = bytearray(path.read_bytes())
    path.chmod(0o644)
    match how:
        case "flipped":
            data[random.Random(3).randrange(len(data))] ^= 1
            path.write_bytes(data)
        case "truncated":
            path.write_bytes(data[: len(data) // 2])
        case "emptied":
            path.write_bytes(b"")


def test_a_sound_store_is_sound(built: Ftc) -> None:
    """Exit 0, and one sentence."""
    done = built("verify")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "everything that was read is what its name says\n"


@pytest.mark.parametrize("how", ["flipped", "truncated", "emptied"])
@pytest.mark.parametrize("output", ["train", "holdout", "report"])
def test_damage_is_told_moved_aside_and_built_anew(built: Ftc, output: str, how: str) -> None:
    """The second build ends with the very digest that the first had."""
    [record_file] = (built.store / "ac").glob("*/*.json")
    outputs = json.loads(record_file.read_text())["outputs"]
    name = outputs[output]["digest"].removeprefix("sha256:")
    place = built.store / "objects" / name[:2] / name
    damaged(place, how)

    told = built("verify")
    repaired = built("verify", "--repair")
    states = built.states()
    rebuilt = built("build", "sums")
    last = built("verify")

    assert told.returncode == 5
    assert told.stdout.startswith(f"objects/{name[:2]}/{name}: its content is sha256:")
    assert told.stdout.endswith(f" (dataset.{output})\n")
    assert repaired.returncode == 0
    assert states == {"dataset:sums": "absent"}
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert last.returncode == 0
    assert json.loads(record_file.read_text())["outputs"] == outputs
    assert (built.store / "quarantine" / "objects" / name[:2] / name).exists()


def test_a_torn_record_is_told_and_made_anew(built: Ftc) -> None:
    """It counts as never written anyway; verify says so and clears it away."""
    [record_file] = (built.store / "ac").glob("*/*.json")
    damaged(record_file, "truncated")

    told = built("verify", "--json")
    states = built.states()
    built("verify", "--repair")
    rebuilt = built("build", "sums")

    assert told.returncode == 5
    problems = [json.loads(line)["problem"] for line in told.stdout.splitlines()]
    assert problems == ["is no whole record", f"there is no record of key {record_file.stem}"]
    assert states == {"dataset:sums": "stale"}
    assert rebuilt.returncode == 0
    assert built("verify").returncode == 0


def test_what_is_lost_or_open_is_told_and_mended(built: Ftc) -> None:
    """One object is gone, another one anybody may write to, and the ref is torn."""
    lost, opened, *_ = sorted((built.store / "objects").glob("*/*"))
    [ref] = (built.store / "refs").glob("*/*")
    lost.unlink()
    opened.chmod(0o666)
    damaged(ref, "emptied")

    told = built("verify", "--json")
    built("verify", "--repair")
    clean = built("verify")
    rebuilt = built("build", "sums")

    records = [json.loads(line) for line in told.stdout.splitlines()]
    assert told.returncode == 5
    assert {(record["path"], record["problem"]) for record in records} >= {
        (str(lost.relative_to(built.store)), "is lost"),
        (str(opened.relative_to(built.store)), "its mode is 0666"),
        (str(ref.relative_to(built.store)), "is no whole ref"),
    }
    assert clean.returncode == 0, clean.stdout
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert lost.is_file() and ref.is_file()
    assert opened.stat().st_mode & 0o777 == 0o444


def test_a_part_of_the_store_can_be_read(built: Ftc) -> None:
    """Some percent of the files, or what a target came to."""
    stray = built.store / "objects" / "ab" / ("ab" * 32)
    stray.parent.mkdir(exist_ok=True)
    stray.write_text("of no record")

    everything = built("verify")
    target = built("verify", "sums")
    sample = built("verify", "sums", "--sample", "1")
    wrong = built("verify", "--sample", "0")

    assert (everything.returncode, target.returncode, sample.returncode) == (5, 0, 0)
    assert wrong.returncode == 2
