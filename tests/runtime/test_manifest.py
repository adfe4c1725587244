"""Checkpoints count when they are whole, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftc_runtime import manifest
from ftc_runtime.manifest import Checkpoint, newest, newest_whole, seal


def checkpoint(work: Path, step: int, *, sealed: bool = True) -> Path:
    """Write a checkpoint of two files."""
    folder = work / manifest.FOLDER / f"checkpoint-{step}"
    (folder / "adapter").mkdir(parents=True)
    (folder / "adapter" / "weights").write_bytes(bytes(range(100)))
    (folder / "state.json").write_text(f'{{"step": {step}}}')
    if sealed:
        seal(folder, done=step, total=60)
    return folder


def folders(work: Path) -> list[str]:
    """Return the names of the checkpoints' folders, whole or not."""
    return sorted(path.name for path in (work / manifest.FOLDER).iterdir())


def test_without_any_there_is_none(tmp_path: Path) -> None:
    """Nor is a folder made by looking."""
    assert newest(tmp_path) is None
    assert newest_whole(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_the_newest_is_that_of_the_most_steps(tmp_path: Path) -> None:
    """By number, not by name: 100 comes after 20."""
    checkpoint(tmp_path, 100)
    checkpoint(tmp_path, 20)

    expected = Checkpoint(tmp_path / "checkpoints" / "checkpoint-100", 100, 60, "step")
    assert newest(tmp_path) == expected
    assert newest_whole(tmp_path) == expected
    assert str(expected) == "step 100 of 60"
    assert folders(tmp_path) == ["checkpoint-100", "checkpoint-20"]


def test_one_that_was_not_sealed_does_not_count_and_is_removed(tmp_path: Path) -> None:
    """A crash while saving leaves it; the one before is taken."""
    checkpoint(tmp_path, 20)
    checkpoint(tmp_path, 40, sealed=False)

    found = newest_whole(tmp_path)

    assert found is not None and found.done == 20
    assert folders(tmp_path) == ["checkpoint-20"]


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "torn manifest", "other schema"])
def test_a_damaged_one_gives_way_to_the_one_before(tmp_path: Path, damage: str) -> None:
    """A flipped bit too, which sizes do not show."""
    checkpoint(tmp_path, 20)
    broken = checkpoint(tmp_path, 40)
    weights, sealed = broken / "adapter" / "weights", broken / manifest.MANIFEST
    match damage:
        case "flipped":
            weights.write_bytes(bytes([255, *range(1, 100)]))
        case "cut":
            weights.write_bytes(bytes(range(99)))
        case "gone":
            weights.unlink()
        case "torn manifest":
            sealed.write_text(sealed.read_text()[:-20])
        case "other schema":
            sealed.write_text(sealed.read_text().replace('"schema": 1', '"schema": 2'))

    quick, thorough = newest(tmp_path), newest_whole(tmp_path)

    assert quick is not None and quick.done == (40 if damage == "flipped" else 20)
    assert thorough is not None and thorough.done == 20
    assert folders(tmp_path) == ["checkpoint-20"]
