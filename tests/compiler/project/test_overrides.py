"""`-s PATH=YAML`: settings of the command line, laid over the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftc.diagnostics import ProjectError
from ftc.project.load import Project, load

PROJECT = """\
version: 1
name: forge
models:
  base: {source: hf://acme/base}
datasets:
  rows: {source: data/rows.json, holdout: {fraction: 0.1}}
defaults:
  finetunes: {lora: {lora_alpha: 64}}
finetunes:
  sft:
    model: base
    datasets: [rows]
    lora: {r: 16}
  swept: {model: base, datasets: [rows], matrix: {lora.r: [8, 16]}}
exports:
  sft: {model: finetune:sft, format: safetensors}
  merged: {model: swept, format: safetensors}
"""


@pytest.fixture(autouse=True)
def written(folder: Path) -> None:
    """Write PROJECT into a folder of its own."""
    (folder / "project.yaml").write_text(PROJECT, encoding="utf-8")


def with_settings(*settings: str, **environment: str) -> Project:
    """Load the project with settings laid over it."""
    return load(Path("project.yaml"), environment, settings)


def refusal(*settings: str) -> str:
    """Return all that is printed of settings that cannot be."""
    with pytest.raises(ProjectError) as raised:
        with_settings(*settings)
    return str(raised.value)


def test_a_setting_is_as_if_the_file_had_it() -> None:
    """Over what is written, and with the defaults under it; the item of a name that clashes too."""
    project = with_settings(
        "finetune:sft.lora.r=4",
        "rows.holdout={fraction: 0.5}",
        "finetune:sft.dtype=${DTYPE}",
        DTYPE="float32",
    )

    assert project.items["finetunes"]["sft"].model_dump(exclude_defaults=True) == {
        "model": "base",
        "datasets": ["rows"],
        "dtype": "float32",
        "lora": {"r": 4, "lora_alpha": 64},
    }
    rows = project.items["datasets"]["rows"].model_dump(exclude_defaults=True)
    assert rows["holdout"] == {"fraction": 0.5}


def test_a_setting_is_found_again_in_its_argument() -> None:
    """Explanations quote it; what the file says is still at its line."""
    project = with_settings("finetune:sft.lora.r=8", "swept.matrix={lora.r: [4]}")

    assert project.line(("finetunes", "sft", "lora", "r")) == "-s finetune:sft.lora.r=8"
    assert project.line(("finetunes", "sft", "lora", "lora_alpha")) == 8
    assert (
        project.line(("finetunes", "swept@lora.r=4", "lora", "r"))
        == "-s swept.matrix={lora.r: [4]}"
    )


@pytest.mark.parametrize(
    "setting", ["swept.matrix={lora.r: [4, 64]}", "swept.matrix.lora.r=[4, 64]"]
)
def test_a_matrix_can_be_set(setting: str) -> None:
    """As a whole, or one axis of it; what refers to the item goes along."""
    project = with_settings(setting)

    assert list(project.items["finetunes"]) == ["sft", "swept@lora.r=4", "swept@lora.r=64"]
    assert list(project.items["exports"]) == ["sft", "merged@lora.r=4", "merged@lora.r=64"]


def test_settings_are_refused_like_lines_of_the_file() -> None:
    """All at once, each at its own words."""
    printed = refusal(
        "finetune:sft.lora.rr=8",
        "finetune:sft.lora.lora_alpha=many",
        "finetune:stf.lora.r=8",
        "sft.lora.r=8",
        "finetune:sft.model=bass",
        "swept",
        "merged.format={",
    )

    assert printed == PRINTED.rstrip()


PRINTED = """\
error[unknown-key]: `lora` has no key `rr`
 --> command line:1:22
  |
1 | -s finetune:sft.lora.rr=8
  |                      ^^
  = help: did you mean `r`?

error[wrong-type]: `lora.lora_alpha` needs a whole number, but "many" is text
 --> command line:2:33
  |
2 | -s finetune:sft.lora.lora_alpha=many
  |                                 ^^^^

error[unknown-name]: nothing in this project is named `finetune:stf`
 --> command line:3:4
  |
3 | -s finetune:stf.lora.r=8
  |    ^^^^^^^^^^^^
  = help: did you mean `sft`?

error[ambiguous-name]: `sft` is the name of more than one thing
 --> command line:4:4
  |
4 | -s sft.lora.r=8
  |    ^^^
  = help: write `finetune:sft` or `export:sft`

error[unknown-name]: nothing in this project is named `bass`
 --> command line:5:23
  |
5 | -s finetune:sft.model=bass
  |                       ^^^^
  = help: did you mean `base`?

error[syntax]: `swept` does not say which setting of which item has which value
 --> command line:6:4
  |
6 | -s swept
  |    ^^^^^
  = help: write `-s swept.lora.r=8`

error[syntax]: while parsing a flow node: did not find expected node content
 --> command line:7:18
  |
7 | -s merged.format={
  |                  ^
"""


@pytest.mark.parametrize(
    ("setting", "message", "help"),
    [
        (
            "finetune:sft.lora.r=8,16",
            "error[sweep]: 8,16 would be one text: a build has one value for each setting",
            "for variants write -s 'finetune:sft.matrix={lora.r: [8, 16]}'; for a list [8,16];"
            " for a text '\"8,16\"'",
        ),
        (
            "swept.lora.r=4",
            "error[contradiction]: `lora.r` is an axis of the matrix of `swept`,"
            " so this sets nothing",
            "write -s 'swept.matrix.lora.r=[4]'",
        ),
        (
            "swept@lora.r=8.training.seed=1",
            "error[wrong-path]: `swept@lora.r` would set one variant,"
            " but its settings come from the matrix",
            "set `swept.SETTING`, or the matrix itself",
        ),
        (
            "finetunes.swept.training.seed=1",
            "error[unknown-name]: nothing in this project is named `finetunes`",
            "a path starts at an item: write `swept.training.seed=1`",
        ),
    ],
)
def test_what_cannot_be_meant_is_said_with_what_to_write(
    setting: str, message: str, help: str
) -> None:
    """And never becomes a text, or nothing."""
    lines = refusal(setting).splitlines()

    assert (lines[0], lines[-1]) == (message, f"  = help: {help}")


def test_a_setting_given_twice_is_a_mistake() -> None:
    """As it is in the file."""
    assert refusal("rows.holdout.seed=1", "rows.holdout.seed=2").splitlines()[0] == (
        "error[duplicate-key]: `rows.holdout.seed` is set twice"
    )
