"""Two locks compared, without a store and without a plan."""

from __future__ import annotations

from typing import Any

from ftc.lockfile.lock import Content, Lock, LockedStage, Pin
from ftc.plan.explain import ABSENT
from ftc.plan.lock_changes import OutputChange, head_changes, stage_changes
from ftc.store.objects import Stored


def stored(name: str) -> Stored:
    """Return an output that has this digest."""
    return Stored(f"sha256:{name}", 1, "file")


def entry(key: str, *, adapter: str, curves: str = "cc", **spec: Any) -> LockedStage:
    """Return a stage of a lock."""
    image = {
        "schema": 1,
        "kind": "sft",
        "version": 1,
        "spec": spec,
        "inputs": {},
        "libraries": {},
        "outputs": {"adapter": "adapter", "curves": "table"},
    }
    outputs = {"adapter": stored(adapter), "curves": stored(curves)}
    return LockedStage(key, image, "seeded", outputs)


def test_what_came_went_and_changed_is_told_by_name() -> None:
    """With each output, and whether its bytes are the same."""
    before = Lock(stages={"a": entry("1", adapter="x", r=16), "b": entry("2", adapter="x")})
    now = Lock(stages={"a": entry("3", adapter="y", r=8), "c": entry("2", adapter="x")})

    found = list(stage_changes(before, now, {}))

    assert [(one.stage, one.how) for one in found] == [
        ("a", "changed"),
        ("b", "went"),
        ("c", "came"),
    ]
    assert [change.words() for change in found[0].changes] == ["r 16 -> 8"]
    assert found[0].outputs == (
        OutputChange("adapter", stored("x"), stored("y")),
        OutputChange("curves", stored("cc"), stored("cc")),
    )
    assert [output.equal for output in found[0].outputs] == [False, True]
    assert found[2].outputs[0] == OutputChange("adapter", None, stored("x"))


def test_other_bytes_under_one_key_are_a_change() -> None:
    """A run elsewhere gave something else."""
    before, now = (Lock(stages={"a": entry("1", adapter=name)}) for name in "xy")

    (found,) = stage_changes(before, now, {})

    assert (found.how, found.changes) == ("changed", ())
    assert list(stage_changes(before, before, {})) == []


def test_libraries_and_sources_are_compared() -> None:
    """A hub's by its commit, a file by its digest."""
    before = Lock(
        env={"torch": "2.12.0"},
        pins={"hf://acme/tiny": Pin("abc", {})},
        contents={"rows.json": Content("sha256:1", 1)},
    )
    now = Lock(
        env={"torch": "2.13.0", "peft": "0.21.2"},
        pins={"hf://acme/tiny": Pin("def", {})},
    )

    assert [(one.leaf, one.before, one.now) for one in head_changes(before, now)] == [
        ("env.peft", ABSENT, "0.21.2"),
        ("env.torch", "2.12.0", "2.13.0"),
        ("hf://acme/tiny", "abc", "def"),
        ("rows.json", "sha256:1", ABSENT),
    ]
    assert head_changes(now, now) == []
