"""Entries of LLaMA-Factory's dataset_info.json as items."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftc.plan.lower import lower
from ftc.project.load import Project

REGISTRY = {
    "plain": {"file_name": "rows.json"},
    "turns": {
        "file_name": "turns.json",
        "formatting": "sharegpt",
        "columns": {"messages": "talk", "tools": "tools"},
        "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user",
                 "assistant_tag": "assistant"},
    },
    "pairs": {"file_name": "rows.json", "ranking": True,
              "columns": {"prompt": "question", "chosen": "chosen", "rejected": "rejected"}},
    "judged": {"file_name": "rows.json", "formatting": "sharegpt",
               "columns": {"messages": "messages", "kto_tag": "label"}},
    "texts": {"file_name": "folder", "columns": {"prompt": "content"}, "split": "train"},
    "hub": {"hf_hub_url": "acme/rows", "ms_hub_url": "acme/mirror", "om_hub_url": "acme/other",
            "subset": "en", "split": "validation", "folder": "python", "num_samples": 20},
    "mirror": {"ms_hub_url": "acme/mirror"},
    "old": {"hf_hub_url": "wiki_qa", "columns": {"prompt": "question", "response": "answer"}},
    "cloud": {"cloud_file_name": "s3://bucket/rows.jsonl"},
    "pictures": {"file_name": "rows.json", "formatting": "sharegpt",
                 "columns": {"messages": "messages", "images": "images", "history": None}},
    "script": {"script_url": "loader"},
    "other-hub": {"om_hub_url": "acme/rows"},
    "nothing": {"formatting": "alpaca"},
    "typo": {"file_name": "rows.json", "formating": "sharegpt"},
    "wrong": {"file_name": 3, "ranking": "yes"},
    "wrong-word": {"file_name": "rows.json", "formatting": "sharegtp"},
    "wrong-column": {"file_name": "rows.json", "columns": {"promt": "question"}},
    "absent": {"file_name": "rwos.json"},
}  # fmt: skip


@pytest.fixture
def registry(folder: Path) -> Path:
    """Write the registry and its files into the project's data folder."""
    (folder / "data" / "turns.json").write_text('[{"talk": [], "system": "Be brief."}]')
    (folder / "data" / "rows.json").write_text(
        '[{"instruction": "a", "input": "b", "history": []}]'
    )
    (folder / "data" / "folder").mkdir()
    path = folder / "data" / "dataset_info.json"
    path.write_text(json.dumps(REGISTRY, indent=2))
    return path


def project_of(*entries: str, more: str = "") -> str:
    """Return a project with an item for each entry."""
    items = "".join(
        f"  {name}: {{dataset_info: data/dataset_info.json, entry: {name}{more}}}\n"
        for name in entries
    )
    return f"version: 1\nname: forge\ndatasets:\n{items}"


@pytest.mark.parametrize(
    ("entry", "source", "settings"),
    [
        ("plain", "data/rows.json", {}),
        ("turns", "data/turns.json", {
            "format": "sharegpt",
            "columns": {"messages": "talk"},
            "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user",
                     "assistant_tag": "assistant"},
        }),
        ("pairs", "data/rows.json", {"type": "preference", "columns": {"prompt": "question"}}),
        ("judged", "data/rows.json", {
            "format": "sharegpt", "type": "kto",
            "columns": {"messages": "messages", "kto_tag": "label"},
        }),
        ("texts", "data/folder", {"format": "text", "type": "text",
                                  "columns": {"prompt": "content"}}),
        ("hub", "hf://datasets/acme/rows?subset=en&split=validation&folder=python",
         {"num_samples": 20}),
        ("mirror", "ms://datasets/acme/mirror", {}),
        ("old", "hf://datasets/wiki_qa", {"columns": {"prompt": "question", "response": "answer"}}),
        ("cloud", "s3://bucket/rows.jsonl", {}),
        ("pictures", "data/rows.json", {"format": "sharegpt", "columns": {"messages": "messages"}}),
    ],
)  # fmt: skip
def test_an_entry_comes_to_the_settings_of_an_item(
    loaded: Callable[..., Project],
    registry: Path,
    entry: str,
    source: str,
    settings: dict[str, Any],
) -> None:
    """All keys of an entry, the default of an unnamed column kept; nothing of the registry."""
    plan = lower(loaded(project_of(entry)))

    [stage] = plan.stages.values()
    assert stage.source is not None
    assert (stage.source.uri, stage.semantic) == (source, settings)


def test_what_is_written_beside_an_entry_goes_before_it(
    loaded: Callable[..., Project], registry: Path
) -> None:
    """Other settings of an item are laid over the entry's, and a type that it tells is one."""
    more = ", holdout: {fraction: 0.5}, num_samples: 3, type: sft, columns: {query: more}"

    item = loaded(project_of("texts", more=more)).items["datasets"]["texts"].model_dump()

    kept = {key: item[key] for key in ("type", "format", "num_samples", "source")}
    assert kept == {"type": "sft", "format": "alpaca", "num_samples": 3, "source": "data/folder"}
    assert (item["columns"]["prompt"], item["columns"]["query"]) == ("content", "more")
    assert item["holdout"]["fraction"] == 0.5


def test_what_llama_factory_would_lose_is_kept_and_told(
    loaded: Callable[..., Project], registry: Path
) -> None:
    """Columns that the first row has, turns without a tag, and what ftc takes rows for."""
    project = loaded(project_of("plain", "turns", "texts", "pictures", "hub"))

    assert project.notes == (
        "plain: LLaMA-Factory would not read the column history; ftc does",
        "turns: its tags leave out observation, function_call and system: LLaMA-Factory would drop "
        "rows with such turns, ftc reads them as observation, function_call and system",
        "turns: LLaMA-Factory would not read the column system; ftc does",
        "texts: its columns name a prompt alone, so its rows are read as texts to pretrain on",
        "pictures: its images are not read yet; the text of its rows is",
    )


def test_a_setting_has_its_line_in_the_registry(
    loaded: Callable[..., Project], registry: Path
) -> None:
    """For `ftc why` and its like."""
    plan = lower(loaded(project_of("hub")))

    line = 1 + registry.read_text().splitlines().index('    "num_samples": 20')
    assert plan.stages["dataset:hub"].lines == {
        "": 4, "num_samples": f"data/dataset_info.json:{line}",
    }  # fmt: skip


def test_wrong_entries_are_refused(
    text: str, printed: str, registry: Path, refused: Callable[..., str]
) -> None:
    """Each case of faults/registry.txt prints exactly what stands there."""
    assert refused(text) == printed


def test_a_registry_that_cannot_be_read_is_told_once(
    registry: Path, refused: Callable[..., str]
) -> None:
    """Whatever is wrong with the file, and however many items name it."""
    registry.write_text('{"a": {"file_name": }}')
    syntax = refused(project_of("a", "b"))
    registry.write_text("[]")
    shape = refused(project_of("a", "b"))
    registry.write_bytes(b'{"a": "\xff"}')
    encoding = refused(project_of("a", "b"))

    told = [fault.splitlines()[:2] for fault in (syntax, shape, encoding)]
    assert [fault.count("error[") for fault in (syntax, shape, encoding)] == [1, 1, 1]
    assert told == [
        ["error[syntax]: dataset_info.json is not JSON: Expecting value",
         " --> data/dataset_info.json:1:21"],
        ["error[wrong-type]: dataset_info.json holds entries by name, but this is a list",
         " --> data/dataset_info.json:1:1"],
        ["error[not-utf-8]: dataset_info.json is not UTF-8: it has the byte 0xff here",
         " --> data/dataset_info.json:1:8"],
    ]  # fmt: skip
