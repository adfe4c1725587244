"""Keys: what moves them and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftc.plan.keys import canonical, key_of, preimage
from ftc.plan.stages import Edge, OutsideSource, Stage

STAGE = Stage(
    name="sft:assistant",
    kind="sft",
    version=1,
    params={"lora": {"r": 16}, "training": {"logging_steps": 1}},
    semantic={"lora": {"r": 16}},
    defaults={"lora.r": 8},
    inputs={"train": Edge("tokens:assistant", "train")},
    outputs={"adapter": "adapter"},
    libraries={"torch": "2.13.0"},
    reproduces="seeded",
    lines={},
)


def key(stage: Stage, **inputs: str) -> str:
    """Return the key of a stage with inputs of these digests."""
    return key_of(preimage(stage, inputs))


def test_the_key_is_pinned() -> None:
    """Moving every key of every project takes a decision, not an accident."""
    assert key(STAGE, train="sha256:aa") == (
        "ff3fc3b5a6cb02c4338833bf36ce983cf17702544c72c76f07d5014450a5cb3f"
    )


def test_names_paths_lines_and_operational_settings_are_not_in_the_key() -> None:
    """Renaming a target or moving a file rebuilds nothing."""
    other = STAGE._replace(
        name="sft:renamed",
        params={"lora": {"r": 16}, "training": {"logging_steps": 9}},
        lines={"lora.r": 99},
        inputs={"train": Edge("tokens:renamed", "train")},
        source=OutsideSource("elsewhere.json", path=Path("/elsewhere.json")),
    )

    assert key(other, train="sha256:aa") == key(STAGE, train="sha256:aa")


@pytest.mark.parametrize(
    "other",
    [
        STAGE._replace(kind="dpo"),
        STAGE._replace(version=2),
        STAGE._replace(semantic={"lora": {"r": 8}}),
        STAGE._replace(libraries={"torch": "2.14.0"}),
        STAGE._replace(outputs={"adapter": "adapter", "curves": "table"}),
    ],
    ids=["kind", "version", "setting", "library", "outputs"],
)
def test_what_can_change_the_result_is_in_the_key(other: Stage) -> None:
    """Each of them moves it."""
    assert key(other, train="sha256:aa") != key(STAGE, train="sha256:aa")


def test_another_input_is_another_key() -> None:
    """Inputs count by content, and by the role they play."""
    assert key(STAGE, train="sha256:bb") != key(STAGE, train="sha256:aa")
    assert key(STAGE, eval="sha256:aa") != key(STAGE, train="sha256:aa")


def test_canonical_json_has_one_form() -> None:
    """Order of keys, escapes and the two forms of é make no difference; NaN has none."""
    assert canonical({"b": 1e-4, "a": "e\u0301"}) == '{"a":"é","b":0.0001}'.encode()
    with pytest.raises(ValueError, match="Out of range"):
        canonical(float("nan"))
