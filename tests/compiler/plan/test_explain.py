"""Explanations: two preimages compared leaf by leaf."""

from __future__ import annotations

from typing import Any

import pytest

from ftc.plan.explain import changes
from ftc.plan.stages import Edge, OutsideSource, Stage
from ftc_runtime.contract import params_class

STAGE = Stage(
    name="sft:assistant",
    kind="sft",
    version=1,
    params={},
    semantic={},
    defaults={"lora.r": 8, "lora.target_modules": "all-linear", "holdout": None},
    inputs={"train": Edge("tokens:assistant", "train")},
    outputs={"adapter": "adapter"},
    libraries={},
    reproduces="seeded",
    source=OutsideSource("data/identity.json"),
    lines={"": 20, "lora": 22, "lora.r": 23},
)


def image(**parts: Any) -> dict[str, Any]:
    """Return a preimage with these parts."""
    empty = {
        "schema": 1,
        "kind": "sft",
        "version": 1,
        "spec": {},
        "inputs": {},
        "libraries": {},
        "outputs": {},
    }
    return empty | parts


def told(before: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, int | str | None]]:
    """Return each change in words with its line."""
    return [(change.words(), change.line) for change in changes(before, now, stage=STAGE)]


def test_a_setting_is_told_before_and_now_with_its_line() -> None:
    """The line is that of the leaf."""
    assert told(image(spec={"lora": {"r": 16}}), image(spec={"lora": {"r": 4}})) == [
        ("lora.r 16 -> 4", 23)
    ]


def test_a_default_is_told_by_its_value() -> None:
    """A preimage leaves defaults out; the reader wants to see them."""
    assert told(image(), image(spec={"lora": {"r": 16}})) == [("lora.r 8 -> 16", 23)]
    assert told(image(spec={"lora": {"r": 16}}), image()) == [("lora.r 16 -> 8", 23)]


def test_a_removed_setting_points_at_what_it_stood_under() -> None:
    """Its own line is gone."""
    before = image(spec={"lora": {"target_modules": ["q_proj", "v_proj"]}})

    assert told(before, image()) == [("lora.target_modules [q_proj, v_proj] -> all-linear", 22)]


def test_inputs_sources_libraries_and_versions_are_told() -> None:
    """Each in its own words."""
    before = image(
        inputs={"train": "sha256:aa", "source": "sha256:bb"},
        libraries={"torch": "2.12.0"},
        version=1,
    )
    now = image(
        inputs={"train": "sha256:cc", "source": "sha256:dd"},
        libraries={"torch": "2.13.0", "peft": "0.21.2"},
        version=2,
    )

    assert told(before, now) == [
        ("data/identity.json changed", None),
        ("tokens:assistant (train) changed", None),
        ("libraries.peft (unset) -> 0.21.2", None),
        ("libraries.torch 2.12.0 -> 2.13.0", None),
        ("version 1 -> 2", None),
    ]


def test_equal_preimages_have_no_change() -> None:
    """There is nothing to tell."""
    assert told(image(spec={"lora": {"r": 16}}), image(spec={"lora": {"r": 16}})) == []


def test_without_a_stage_the_leaves_are_told_as_they_are() -> None:
    """Two locks alone: neither defaults nor lines nor the names of inputs are known."""
    before = image(spec={"lora": {"r": 16}}, inputs={"train": "sha256:aa"})

    found = changes(before, image(inputs={"train": "sha256:bb"}), stage=None)

    assert [(change.words(), change.line) for change in found] == [
        ("lora.r 16 -> (unset)", None),
        ("input train changed", None),
    ]


def test_a_kinds_version_says_what_it_makes_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every version since, in the kind's own words; another kind's are not compared."""
    words = {2: "drops empty rows", 3: "writes tools"}
    monkeypatch.setattr(params_class("sft"), "changes", words)

    assert told(image(), image(version=3)) == [
        ("version 1 -> 3: drops empty rows; writes tools", None)
    ]
    assert told(image(version=2), image(version=3)) == [("version 2 -> 3: writes tools", None)]
    assert told(image(), image(kind="merge", version=3)) == [
        ("kind sft -> merge", None),
        ("version 1 -> 3", None),
    ]
