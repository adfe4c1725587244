"""The outer shape of the file."""

from __future__ import annotations

from collections.abc import Callable

from ftc.project.load import Project


def test_a_wrong_outline_is_refused(text: str, printed: str, refused: Callable[..., str]) -> None:
    """Each case of faults/outline.txt prints exactly what stands there."""
    assert refused(text) == printed


def test_defaults_are_merged_under_each_item_with_their_places(
    loaded: Callable[..., Project],
) -> None:
    """An item's own value wins, mapping by mapping; a list is replaced as a whole."""
    project = loaded(
        """\
version: 1
name: forge
defaults:
  finetunes:
    model: base
    lora: {r: 16, lora_alpha: 64, target_modules: [q_proj, v_proj]}
models:
  base: {source: hf://acme/base}
datasets:
  rows: {source: data/rows.json}
finetunes:
  one:
    datasets: [rows]
  two:
    datasets: [rows]
    lora: {r: 8, target_modules: [o_proj]}
"""
    )

    one, two = (project.items["finetunes"][name].model_dump()["lora"] for name in ("one", "two"))
    rest = {"lora_dropout": 0.0, "use_rslora": False}
    assert one == {"r": 16, "lora_alpha": 64, "target_modules": ["q_proj", "v_proj"], **rest}
    assert two == {"r": 8, "lora_alpha": 64, "target_modules": ["o_proj"], **rest}
    assert project.line(("finetunes", "one", "lora", "r")) == 6
    assert project.line(("finetunes", "two", "lora", "r")) == 16
    assert project.line(("finetunes", "two", "lora", "lora_alpha")) == 6
    assert project.line(("finetunes", "two", "model")) == 5


def test_defaults_cannot_be_a_bomb(refused: Callable[..., str]) -> None:
    """Many items with large defaults are refused before they are merged."""
    keys = "".join(f"      a{number}: 1\n" for number in range(2_000))
    items = "".join(f"  i{number}:\n" for number in range(2_000))

    printed = refused(
        f"version: 1\nname: forge\ndefaults:\n  models:\n    config:\n{keys}models:\n{items}"
    )

    assert printed == (
        "error[too-large]: the defaults of models come to more than 200,000 values\n"
        " --> project.yaml:4:3\n"
        "  |\n"
        "4 |   models:\n"
        "  |   ^^^^^^\n"
    )
