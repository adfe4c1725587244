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
    assert done.stderr == "everything in the store is what its name says\n"


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
    [record] = [json.loads(line) for line in told.stdout.splitlines()]
    assert record["problem"] == "is no whole record"
    assert states == {"dataset:sums": "stale"}
    assert rebuilt.returncode == 0
    assert built("verify").returncode == 0
