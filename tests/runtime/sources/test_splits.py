"""Which files of a hub's dataset make up a split."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftc_runtime.errors import StageError
from ftc_runtime.sources.repository import Part, Repository
from ftc_runtime.sources.splits import files_of

REPOSITORY = Repository("hf", "acme/rows", kind="dataset")
CARD = """---
configs:
- config_name: en
  data_files:
  - {split: train, path: "en/part-*.jsonl"}
- config_name: zh
  data_files: zh.jsonl
---
"""
SHARDS = ("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet",
          "data/test-00000-of-00001.parquet")  # fmt: skip
SUBSETS = ("en/part-0.jsonl", "en/part-1.jsonl", "zh.jsonl")


def skeleton(folder: Path, *names: str, card: str | None = None) -> Path:
    """Return a folder with empty files of these names."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    if card is not None:
        (folder / "README.md").write_text(card)
    return folder


def refusal(part: Part, folder: Path) -> tuple[str, str | None]:
    """Return the message and the hint of a part that there is not."""
    with pytest.raises(StageError) as raised:
        files_of(part, folder, REPOSITORY)
    return raised.value.message, raised.value.hint


def test_names_tell_splits_where_no_card_does(tmp_path: Path) -> None:
    """The shards of a split; the folder of one; all files where no name says anything."""
    shards = skeleton(tmp_path / "shards", *SHARDS)
    plain = skeleton(tmp_path / "plain", "b.jsonl", "a.jsonl")

    assert files_of(Part(), shards, REPOSITORY) == [*SHARDS[:2]]
    assert files_of(Part("test", folder="data"), shards, REPOSITORY) == [SHARDS[2]]
    assert sorted(files_of(Part(), plain, REPOSITORY)) == ["a.jsonl", "b.jsonl"]


def test_the_card_goes_before_names(tmp_path: Path) -> None:
    """A subset has the files that it names, and a subset without splits is `train`."""
    folder = skeleton(tmp_path / "rows", *SUBSETS, card=CARD)

    assert files_of(Part(subset="en"), folder, REPOSITORY) == ["en/part-0.jsonl", "en/part-1.jsonl"]
    assert files_of(Part(subset="zh"), folder, REPOSITORY) == ["zh.jsonl"]


def test_what_there_is_not_is_told_with_what_there_is(tmp_path: Path) -> None:
    """A subset, a split, a choice to make, no rows at all."""
    folder = skeleton(tmp_path / "rows", *SUBSETS, card=CARD)
    shards = skeleton(tmp_path / "shards", *SHARDS)
    empty = skeleton(tmp_path / "empty", "LICENSE")

    assert refusal(Part(subset="fr"), folder) == (
        "hf://datasets/acme/rows has no subset fr", "It has en, zh",
    )  # fmt: skip
    assert refusal(Part(), folder) == (
        "hf://datasets/acme/rows has several subsets, and none that goes before",
        "Name one: `subset: en` or zh",
    )
    assert refusal(Part("validation"), shards) == (
        "hf://datasets/acme/rows has no split validation", "It has test, train",
    )  # fmt: skip
    assert refusal(Part(), empty)[0].startswith(
        "hf://datasets/acme/rows has no files of rows that can be told apart: "
    )
