"""Items with a matrix: their variants, their names, and what is wrong with a matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ftc.diagnostics import Place
from ftc.project.load import Project
from ftc.project.matrix import axes, words_of
from ftc.project.reading.nodes import Node
from ftc.project.sections import SECTIONS
from ftc.project.variants import expanded
from ftc.project.written import Written
from ftc_runtime.contract import Json

HEAD = """\
version: 1
name: forge
models:
  base: {source: hf://acme/base}
datasets:
  rows: {source: data/rows.json, holdout: {fraction: 0.1}}
"""
NOWHERE = Place(Path("project.yaml"), 1, 1)


def test_faults_are_told_at_the_word_that_is_wrong(
    text: str, printed: str, refused: Callable[..., str]
) -> None:
    """Each case of faults/matrix.txt prints exactly what stands there."""
    assert refused(text) == printed


@pytest.mark.parametrize(
    "matrix",
    [
        "{training.learning_rate: [1e-4, 2.0e-4], lora.r: [8, 16]}",
        "{lora.r: [8, 16], training.learning_rate: [0.0001, 0.0002]}",
    ],
)
def test_a_matrix_is_one_item_for_each_combination(
    loaded: Callable[..., Project], matrix: str
) -> None:
    """Axes by the alphabet, values as they are written, whatever way a number is."""
    project = loaded(
        f"{HEAD}finetunes:\n  sft:\n    model: base\n    datasets: [rows]\n"
        f"    lora: {{r: 4, lora_alpha: 32}}\n    matrix: {matrix}\n"
    )

    settings = {
        name: (item.lora.r, item.lora.lora_alpha, item.training.learning_rate)  # type: ignore[attr-defined]
        for name, item in project.items["finetunes"].items()
    }
    assert list(settings.items()) == [
        ("sft@lora.r=8,training.learning_rate=0.0001", (8, 32, 0.0001)),
        ("sft@lora.r=8,training.learning_rate=0.0002", (8, 32, 0.0002)),
        ("sft@lora.r=16,training.learning_rate=0.0001", (16, 32, 0.0001)),
        ("sft@lora.r=16,training.learning_rate=0.0002", (16, 32, 0.0002)),
    ]


def test_a_setting_of_a_variant_is_found_at_its_value(loaded: Callable[..., Project]) -> None:
    """Not at the axis: the values may stand in lines of their own."""
    project = loaded(
        f"{HEAD}finetunes:\n  sft:\n    model: base\n    datasets: [rows]\n"
        "    matrix:\n      lora.r:\n        - 8\n        - 16\n"
    )

    assert [project.line(("finetunes", f"sft@lora.r={r}", "lora", "r")) for r in (8, 16)] == [
        13,
        14,
    ]
    assert project.line(("finetunes", "sft@lora.r=8")) == 8
    assert project.line(("finetunes", "sft@lora.r=8", "datasets")) == 10


def test_a_mapping_is_settings_that_go_together(loaded: Callable[..., Project]) -> None:
    """They join what the item has, and all are in the name."""
    project = loaded(
        f"{HEAD}finetunes:\n  sft:\n    model: base\n    datasets: [rows]\n"
        "    lora: {use_rslora: true}\n"
        "    matrix: {lora: [{r: 4, lora_alpha: 8}, {lora_alpha: 32, r: 16}]}\n"
    )

    assert {
        name: item.model_dump(exclude_defaults=True)["lora"]
        for name, item in project.items["finetunes"].items()
    } == {
        "sft@lora.lora_alpha=8,lora.r=4": {"r": 4, "lora_alpha": 8, "use_rslora": True},
        "sft@lora.lora_alpha=32,lora.r=16": {"r": 16, "lora_alpha": 32, "use_rslora": True},
    }


def test_what_refers_to_a_matrix_is_expanded_with_it(loaded: Callable[..., Project]) -> None:
    """Exports one by one, with their own axes; an eval's list takes all; a variant is a name."""
    project = loaded(
        f"""{HEAD}finetunes:
  sft: {{model: base, datasets: [rows], matrix: {{lora.r: [8, 16]}}}}
exports:
  files: {{model: merged, format: gguf, quantization: [q8_0, f16]}}
  merged: {{model: finetune:sft, matrix: {{format: [safetensors]}}}}
  one: {{model: sft@lora.r=16.adapter, format: safetensors}}
evals:
  recall: {{models: [base, sft, files.q8_0], dataset: rows.holdout}}
"""
    )

    exports = {name: item.model for name, item in project.items["exports"].items()}  # type: ignore[attr-defined]
    assert exports == {
        "files@format=safetensors,lora.r=8": "merged@format=safetensors,lora.r=8",
        "files@format=safetensors,lora.r=16": "merged@format=safetensors,lora.r=16",
        "merged@format=safetensors,lora.r=8": "finetune:sft@lora.r=8",
        "merged@format=safetensors,lora.r=16": "finetune:sft@lora.r=16",
        "one": "sft@lora.r=16.adapter",
    }
    assert project.items["evals"]["recall"].models == [  # type: ignore[attr-defined]
        "base",
        "sft@lora.r=8",
        "sft@lora.r=16",
        "files@format=safetensors,lora.r=8.q8_0",
        "files@format=safetensors,lora.r=16.q8_0",
    ]


def test_two_ways_to_one_axis_take_the_same_value(loaded: Callable[..., Project]) -> None:
    """An eval of a split measures what was trained on just that split."""
    project = loaded(
        f"""{HEAD}  split: {{source: data/rows.json, holdout: {{fraction: 0.1}}, matrix: {{holdout.seed: [1, 2]}}}}
finetunes:
  sft: {{model: base, datasets: [rows, split], eval_dataset: split.holdout}}
evals:
  recall: {{models: [sft], dataset: split.holdout}}
"""  # noqa: E501 - as people write it
    )

    assert {
        name: (item.datasets, item.eval_dataset)  # type: ignore[attr-defined]
        for name, item in project.items["finetunes"].items()
    } == {
        f"sft@holdout.seed={seed}": (
            ["rows", f"split@holdout.seed={seed}"],
            f"split@holdout.seed={seed}.holdout",
        )
        for seed in (1, 2)
    }
    assert {
        name: (item.models, item.dataset)  # type: ignore[attr-defined]
        for name, item in project.items["evals"].items()
    } == {
        f"recall@holdout.seed={seed}": (
            [f"sft@holdout.seed={seed}"],
            f"split@holdout.seed={seed}.holdout",
        )
        for seed in (1, 2)
    }


def test_axes_of_one_name_are_told_apart(loaded: Callable[..., Project]) -> None:
    """By the item that each is of."""
    project = loaded(
        f"""{HEAD}  a: {{source: data/rows.json, matrix: {{holdout: [{{fraction: 0.1}}]}}}}
  b: {{source: data/rows.json, matrix: {{holdout: [{{fraction: 0.2}}]}}}}
finetunes:
  sft: {{model: base, datasets: [a, b]}}
"""
    )

    assert list(project.items["finetunes"]) == ["sft@a.holdout.fraction=0.1,b.holdout.fraction=0.2"]


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (8, "8"),
        (8.0, "8"),
        (1e-5, "1e-05"),
        (1e300, "1e+300"),
        (True, "true"),
        (None, "null"),
        ("all-linear", "all-linear"),
        ("data/a b.json", "data%2Fa%20b.json"),
        ("a=b,c@d:e", "a%3Db%2Cc%40d%3Ae"),
        ("模", "%E6%A8%A1"),
        (["q_proj", "v_proj"], "q_proj+v_proj"),
        ([], "%5B%5D"),
        ("x" * 50, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-77cf1206"),
    ],
)
def test_a_value_is_one_word_of_a_name(value: Json, word: str) -> None:
    """Nothing that divides names is in it, and it is never long."""
    assert words_of("lora.r", value) == (("lora.r", word),)


VALUES: Any = some.one_of(
    some.none(),
    some.booleans(),
    some.integers(),
    some.floats(allow_nan=False, allow_infinity=False),
    some.text(),
    some.lists(some.text(), max_size=3),
    some.dictionaries(some.text("abc", min_size=1), some.integers(), max_size=2),
)
MATRICES: Any = some.dictionaries(
    some.text("ab.", min_size=1, max_size=6),
    some.lists(VALUES, min_size=1, max_size=3),
    min_size=1,
    max_size=3,
)


@given(matrix=MATRICES)
def test_names_are_unique_and_the_order_of_axes_is_nothing(
    matrix: dict[str, list[Json]],
) -> None:
    """For any matrix without faults: as many names as combinations, and the same ones."""
    forth, back = variants(matrix), variants(dict(reversed(matrix.items())))

    assert forth == back
    if forth != ["sft"]:
        count = 1
        for values in matrix.values():
            count *= len(values)
        assert len(set(forth)) == count
    for name in forth:
        assert not set(name) & set(" /:\n\\'\"") and len(name.encode()) < 200


def variants(matrix: dict[str, list[Json]]) -> list[str]:
    """Return the names that a finetune with a matrix comes to; its own, if that has faults."""
    item = Written(SECTIONS["finetunes"], "sft", NOWHERE, node({"matrix": matrix}))
    if axes(item)[1]:
        return ["sft"]
    return [one.name for one in expanded([item]).written]


def node(value: Any) -> Node:
    """Return a value as if it had been read from a file."""
    if isinstance(value, dict):
        keys = {str(key): NOWHERE for key in value}
        return Node(value, NOWHERE, {key: node(part) for key, part in value.items()}, keys)
    if isinstance(value, list):
        members: Sequence[Any] = value
        return Node(value, NOWHERE, {at: node(part) for at, part in enumerate(members)})
    return Node(value, NOWHERE)
