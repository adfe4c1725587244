"""`ftc compare`, on a store that holds what stages would have given."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from command_line import Ftc
from conftest import write_project
from ftc.cli.comparison.curves import draw
from ftc.cli.comparison.rows import Row
from ftc.cli.comparison.subjects import subjects
from ftc.cli.comparison.table import tables
from ftc.cli.workspace import Workspace, open_workspace
from ftc.diagnostics import ProjectError
from ftc.plan.explain import ABSENT
from ftc.plan.freshness import Status
from ftc.plan.stages import Stage
from ftc.store.atomic import temporary_in
from ftc.store.records import Record
from ftc_runtime.contract import SUFFIXES, Artifact

SWEEP = """\
version: 1
name: sweep
models:
  base: {source: model}
datasets:
  rows: {source: data/sums.json, holdout: {fraction: 0.25, seed: 1}}
finetunes:
  sft: {model: base, datasets: [rows], matrix: {lora.r: [4, 16]}}
  other: {model: base, datasets: [rows], data: {max_length: 64}, training: {seed: 7}}
exports:
  files: {model: sft@lora.r=16, format: gguf, quantization: [q8_0, f16]}
  plain: {model: base, format: safetensors}
evals:
  recall: {models: [sft, files.q8_0], baseline: base, dataset: rows.holdout}
"""
SCORES = {
    "score:recall/base": 20.0,
    "score:recall/sft@lora.r=4": 42.5,
    "score:recall/sft@lora.r=16": 45.25,
    "score:recall/files.q8_0": 44.0,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a made-up result for every stage but the training of `other`."""
    ftc = write_project(tmp_path_factory.mktemp("sweep") / "project", SWEEP)
    (ftc.folder / "model").mkdir()
    (ftc.folder / "model" / "config.json").write_text("{}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ftc.folder)
        patch.setenv("FTC_STORE", str(ftc.store))
        fill(open_workspace(), but=lambda stage: stage.name == "sft:other")
    return ftc.folder


@pytest.fixture
def filled(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ftc:
    """A copy of the project, to edit; it is the working folder."""
    folder = tmp_path / "project"
    shutil.copytree(made, folder, symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FTC_STORE", str(folder / ".ftc"))
    return Ftc(folder, folder / ".ftc")


def fill(workspace: Workspace, *, but: Callable[[Stage], bool]) -> None:
    """Publish a result for each stage in its turn, as a build would."""
    freshness = workspace.freshness()
    for stage in workspace.plan.stages.values():
        freshness.look()
        state = freshness.states[stage.name]
        if state.status is not Status.STALE or but(stage):
            continue
        assert state.key is not None and state.preimage is not None
        outputs = {
            output: workspace.store.put(written(workspace, stage, output, Artifact(artifact)))
            for output, artifact in stage.outputs.items()
        }
        facts = {"seconds": 75.0, "peak_bytes": 3 * 2**29}
        workspace.store.publish(Record(state.key, state.preimage, outputs, facts))


def written(workspace: Workspace, stage: Stage, output: str, artifact: Artifact) -> Path:
    """Write what a stage might have given, and no two the same."""
    path = temporary_in(workspace.store.root / "tmp").with_suffix(SUFFIXES.get(artifact, ""))
    text = f"{stage.name} {output} {stage.semantic}"
    if artifact is Artifact.SCORES:
        text = json.dumps({"rouge-l": SCORES.get(stage.name, 44.0), "exact-match": 5, "rows": 6})
    if output == "curves":
        rank = stage.semantic.get("lora", {}).get("r", 8)
        text = "".join(
            json.dumps({"step": step, "loss": loss - rank / 100, "tokens": 50, **more}) + "\n"
            for step, loss, more in [(1, 3.0, {}), (2, 1.5, {"eval_loss": 2.0}), (3, 1.75, {})]
        )
    if artifact in SUFFIXES:
        path.write_text(text)
    else:
        path.mkdir()
        (path / "file").write_text(text)
    return path


def test_variants_are_shown_side_by_side(filled: Ftc) -> None:
    """What differs, who is best and by how much, and how each was trained."""
    done = filled("compare", "sft")

    assert done.stderr == ""
    assert (
        done.stdout
        == """\
setting  sft@lora.r=4  sft@lora.r=16
lora.r              4             16

recall       sft@lora.r=4   sft@lora.r=16
rouge-l              42.5  *45.25 (+2.75)
exact-match             5          5 (+0)
rows                    6               6

training          sft@lora.r=4  sft@lora.r=16
final loss                1.71           1.59
lowest loss               1.46           1.34
final eval loss            2.0            2.0
lowest eval loss           2.0            2.0
steps                        3              3
tokens                     150            150
time                     1m15s          1m15s
peak memory            1.5 GiB        1.5 GiB
"""
    )


def test_the_records_are_one_for_each_setting_and_score(filled: Ftc) -> None:
    """With the values of each by its name."""
    done = filled("compare", "sft", "--json")

    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["type"] for record in records] == ["setting", *["score"] * 3, *["training"] * 8]
    assert records[0] == {
        "schema_version": 1,
        "type": "setting",
        "group": "sft",
        "name": "lora.r",
        "values": {"sft@lora.r=4": 4, "sft@lora.r=16": 16},
    }
    assert records[1] == {
        "schema_version": 1,
        "type": "score",
        "group": "recall",
        "name": "rouge-l",
        "values": {"sft@lora.r=4": 42.5, "sft@lora.r=16": 45.25},
        "differences": {"sft@lora.r=4": 0.0, "sft@lora.r=16": 2.75},
        "best": ["sft@lora.r=16"],
    }


def test_an_eval_stands_for_what_it_measures(filled: Ftc) -> None:
    """Models and files among them; of a stage that some lack, only what is written."""
    lines = filled("compare", "recall").stdout.splitlines()
    few = filled("compare", "recall.base", "files.q8_0").stdout.splitlines()

    assert lines[0] == "setting           base  sft@lora.r=4  sft@lora.r=16  files.q8_0"
    assert next(line.split() for line in lines if line.startswith("rouge-l")) == [
        *("rouge-l", "20", "42.5", "(+22.5)", "*45.25", "(+25.25)", "44", "(+24)"),
    ]
    assert few[0] == "setting           base  files.q8_0"
    assert "quantization         -        q8_0" in few


def test_names_that_would_not_fit_get_numbers() -> None:
    """And the table a legend above it."""
    names = [f"sft@lora.r={rank},training.learning_rate=0.0001" for rank in (4, 8, 16)]

    lines = list(tables([Row("setting", "sft", "lora.r", (4, 8, ABSENT))], names))

    assert lines == [
        *(f"[{number}] {name}" for number, name in enumerate(names, 1)),
        "",
        "setting  [1]  [2]  [3]",
        "lora.r     4    8    -",
    ]


def test_a_score_is_that_of_the_same_model_under_any_name(filled: Ftc) -> None:
    """It is the plan that says what an eval measured: an export of the base has its scores."""
    filled.edit("  sft: {model", "  renamed: {model")
    filled.edit("model: sft@", "model: renamed@")
    filled.edit("[sft, files", "[renamed, files")

    lines = filled("compare", "renamed@lora.r=16", "files", "plain").stdout.splitlines()

    assert lines[0].split() == ["setting", "renamed@lora.r=16", "files.q8_0", "files.f16", "plain"]
    assert next(line.split() for line in lines if line.startswith("rouge-l")) == [
        *("rouge-l", "*45.25", "44", "(-1.25)", "-", "20", "(-25.25)"),
    ]


def test_a_key_is_compared_with_what_came_after_it(filled: Ftc) -> None:
    """With the scores that the same eval gave it then."""
    told = filled("status", "sft:sft@lora.r=4", "--json").stdout.splitlines()
    key = json.loads(told[-1])["key"]
    filled.edit("lora.r: [4, 16]", "lora.r: [8, 16]")

    lines = filled("compare", key[:12], "sft@lora.r=16").stdout.splitlines()

    assert lines[:2] == [
        f"setting  {key[:12]}  sft@lora.r=16",
        "lora.r              4             16",
    ]
    assert "rouge-l              42.5  *45.25 (+2.75)" in lines


def test_what_is_not_built_is_said(filled: Ftc) -> None:
    """Its settings are shown all the same: of its tokens and of its training."""
    done = filled("compare", "sft@lora.r=4", "other")

    assert done.returncode == 0
    assert done.stdout.splitlines()[:4] == [
        "setting          sft@lora.r=4  other",
        "data.max_length          2048     64",
        "lora.r                      4      8",
        "training.seed              42      7",
    ]
    assert done.stderr == "other: not built yet: sft:other\n"


def test_an_eval_that_has_not_run_is_said(filled: Ftc) -> None:
    """And of the others the scores are shown."""
    filled.edit("models: [sft, files.q8_0]", "models: [sft, files.q8_0, files.f16]")

    done = filled("compare", "files", "--json")

    assert json.loads(done.stdout.splitlines()[-1]) == {
        "schema_version": 1,
        "type": "unbuilt",
        "target": "files.f16",
        "stages": ["score:recall/files.f16"],
    }


def test_what_cannot_be_compared_is_refused(filled: Ftc) -> None:
    """All at once."""
    done = filled("compare", "rows", "sfd", "0123456789")

    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if line.startswith("error")] == [
        "error[not-comparable]: `rows` is no model, adapter or GGUF file, and no eval of some",
        "error[unknown-target]: there is no target `sfd`",
        "error[unknown-key-prefix]: there is no target and no key in the store that begins with"
        " `0123456789`",
    ]


def test_the_picture_of_the_same_curves_is_the_same(filled: Ftc, tmp_path: Path) -> None:
    """Byte for byte, whoever draws it and when."""
    fonts = str(tmp_path / "fonts")  # what matplotlib finds out but once
    for seed in ("1", "2"):
        home = tmp_path / seed
        home.mkdir()
        for ending in ("svg", "png"):
            done = filled(
                *("compare", "sft", "--plot", f"{seed}.{ending}"),
                HOME=str(home),
                PYTHONHASHSEED=seed,
                MPLCONFIGDIR=fonts,
            )
            assert done.stderr == f"drawn: {seed}.{ending}\n", done.stderr

    for ending in ("svg", "png"):
        one, two = (filled.folder / f"{seed}.{ending}" for seed in ("1", "2"))
        assert one.read_bytes() == two.read_bytes()
        assert one.stat().st_size > 10_000


def test_a_picture_needs_curves_and_a_known_format(filled: Ftc) -> None:
    """And says so."""
    none = filled("compare", "base", "--plot", "loss.svg")
    gif = filled("compare", "sft", "--plot", "loss.gif")

    assert none.stderr == (
        "error[no-curves]: none of these has been trained here\n = help: `ftc build` trains them\n"
    )
    assert gif.stderr == "error[wrong-format]: loss.gif ends in neither of .svg and .png\n"
    assert (none.returncode, gif.returncode) == (2, 2)


def test_without_matplotlib_the_command_that_installs_it_is_said(
    filled: Ftc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables need nothing but the core."""
    workspace = open_workspace()
    compared = subjects(["sft"], workspace, workspace.freshness().look())
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(ProjectError) as raised:
        draw(compared, workspace.store, Path("loss.svg"))

    assert str(raised.value) == (
        "error[missing-extra]: matplotlib draws the picture, and it is not installed\n"
        " = help: pip install 'ftc[plot]'"
    )
