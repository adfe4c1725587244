"""The commands as a user runs them, on a project whose stages take a second."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from command_line import Ftc, MakeProject

DATASETS = """\
version: 1
name: rows
datasets:
  sums:
    source: data/sums.json
    holdout: {fraction: 0.25, seed: 1}
"""


@pytest.fixture
def rows(project: MakeProject) -> Ftc:
    """A project with one dataset."""
    return project(DATASETS)


def test_a_new_project_has_never_been_built(rows: Ftc) -> None:
    """Status says so, and with --check exits 6."""
    done = rows("status", "--check")

    assert (done.returncode, done.stdout, done.stderr) == (
        6,
        "~ dataset:sums  stale       never built\n",
        "1 stage: 1 stale\n",
    )


def test_building_twice_builds_once(rows: Ftc) -> None:
    """The second build has nothing to do and says so in a line."""
    first = rows("build", "sums")
    second = rows("build", "sums")

    assert first.returncode == 0, first.stderr
    assert re.fullmatch(
        r"> dataset:sums  never built\n"
        r"\[1/1\] dataset:sums  [\d.]+ s  .*\n"
        r"built sums in [\d.]+ s\n",
        first.stderr,
    ), first.stderr
    assert re.fullmatch(r"1 stage up to date \([\d.]+ s\)\n", second.stderr), second.stderr
    assert rows.states() == {"dataset:sums": "fresh"}


def test_results_lie_under_out(rows: Ftc) -> None:
    """Links to the outputs, and a record of how they were made."""
    rows("build", "sums")

    out = rows.folder / "out" / "sums"
    record = json.loads((out / "record.json").read_text())
    assert sorted(path.name for path in out.iterdir()) == [
        "holdout.jsonl",
        "record.json",
        "report.json",
        "train.jsonl",
    ]
    assert record["target"] == "sums"
    assert record["outputs"]["train.jsonl"]["stage"] == "dataset:sums"


def test_an_edit_is_told_with_its_line(rows: Ftc) -> None:
    """Before, now and where; why says the same."""
    rows("build", "sums")
    rows.edit("seed: 1", "seed: 2")

    status = rows("status")
    why = rows("why", "sums")

    told = "holdout.seed 1 -> 2"
    assert status.stdout == f"~ dataset:sums  stale       {told} (project.yaml:6)\n"
    assert why.stdout == f"dataset:sums is stale\n  {told}  (project.yaml:6)\n"


def test_going_back_builds_nothing(rows: Ftc) -> None:
    """The old result is still in the store: cached, then fresh."""
    rows("build", "sums")
    old = (rows.folder / "out" / "sums" / "train.jsonl").read_bytes()
    rows.edit("seed: 1", "seed: 2")
    rows("build", "sums")
    other = (rows.folder / "out" / "sums" / "train.jsonl").read_bytes()
    rows.edit("seed: 2", "seed: 1")

    before = rows.states()
    back = rows("build", "sums")

    assert before == {"dataset:sums": "cached"}
    assert "dataset:sums  taken from the store" in back.stderr
    assert (rows.folder / "out" / "sums" / "train.jsonl").read_bytes() == old != other


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version: 1", "# a comment\nversion: 1"),
        ("{fraction: 0.25, seed: 1}", "{seed: 1, fraction: 0.25}"),
        ("  sums:", "  renamed:"),
        ("seed: 1", "seed: 0x1"),
    ],
    ids=["comment", "order", "name", "spelling"],
)
def test_what_means_the_same_rebuilds_nothing(rows: Ftc, before: str, after: str) -> None:
    """A comment, another order, a new name, another spelling of a number."""
    rows("build", "sums")

    rows.edit(before, after)

    assert list(rows.states().values()) == ["fresh"]


def test_changed_data_is_told(rows: Ftc) -> None:
    """The source is named, not its digest."""
    rows("build", "sums")
    rows.edit("It is 3.", "It is three.", file="data/sums.json")

    done = rows("status")

    assert done.stdout == "~ dataset:sums  stale       data/sums.json changed\n"


def test_a_missing_file_is_a_mistake_with_a_place(rows: Ftc) -> None:
    """No traceback, and what is there is suggested."""
    (rows.folder / "data" / "sums.json").rename(rows.folder / "data" / "sum.json")

    done = rows("check")

    assert done.returncode == 2
    assert "error[missing-file]" in done.stderr
    assert "\n --> project.yaml:5:13\n" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_target_gets_a_suggestion(rows: Ftc) -> None:
    """All unknown ones at once, exit 2."""
    done = rows("build", "sumz", "zzz")

    assert (done.returncode, done.stderr) == (
        2,
        "error[unknown-target]: there is no target `sumz`\n"
        " = help: did you mean `sums`?\n"
        "\n"
        "error[unknown-target]: there is no target `zzz`\n"
        " = help: `ftc graph` lists targets and stages\n"
        "\n"
        "2 mistakes\n",
    )


def test_fresh_wants_names_of_stages(rows: Ftc) -> None:
    """An item's name is none; nothing is built."""
    done = rows("build", "--fresh", "sums", "--fresh", "dataset:sums")

    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "error[unknown-stage]: there is no stage `sums`\n = help: did you mean `dataset:sums`?\n",
    )


def test_without_a_project_the_way_out_is_named(tmp_path: Path) -> None:
    """`ftc init` starts one."""
    done = Ftc(tmp_path, tmp_path / ".ftc")("status")

    assert done.returncode == 2
    assert done.stderr.endswith(" = help: `ftc init` starts one\n")


def test_a_project_is_found_from_a_folder_below(rows: Ftc) -> None:
    """As git finds its own."""
    done = Ftc(rows.folder / "data", rows.store)("status")

    assert done.stdout == "~ dataset:sums  stale       never built\n"


@pytest.mark.parametrize("command", "check plan status why log graph build version".split())
def test_json_is_one_record_a_line(rows: Ftc, command: str) -> None:
    """On every command, and nothing else on stdout."""
    targets = ["sums"] if command in ("why", "build", "plan") else []

    done = rows(command, *targets, "--json")

    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert records
    assert all(record["schema_version"] == 1 for record in records)


def test_graph_is_drawn_in_three_ways(rows: Ftc) -> None:
    """Text, mermaid and dot."""
    text, mermaid, dot = (rows("graph", "--format", f).stdout for f in ("text", "mermaid", "dot"))

    assert text == "~ dataset:sums  <- data/sums.json\n"
    assert mermaid.splitlines()[:2] == ["flowchart LR", '  s0["dataset:sums"]:::stale']
    assert '  "dataset:sums" [fillcolor="#fdeeba"];' in dot


@pytest.mark.parametrize("words", [["bild"], ["staus", "--json"]])
def test_a_wrong_command_gets_one_suggestion(rows: Ftc, words: list[str]) -> None:
    """And exit 2."""
    done = rows(*words)

    guess = {"bild": "build", "staus": "status"}[words[0]]
    assert done.returncode == 2
    assert f"did you mean `ftc {guess}`?" in done.stderr + done.stdout


def test_every_help_fits_a_screen(rows: Ftc) -> None:
    """At most 40 lines of 100 characters, for all commands."""
    listed = re.findall(r"^  (\w+) ", rows("--help").stdout, re.MULTILINE)

    for words in [[], *([name] for name in listed if name != "ftc")]:
        lines = rows(*words, "--help").stdout.splitlines()
        assert len(lines) <= 40, words
        assert max(map(len, lines)) <= 110, words


def test_a_reader_that_stops_early_sees_no_traceback(rows: Ftc) -> None:
    """`ftc graph | head -1` is no fault."""
    command = " ".join(rows.command("graph"))

    done = subprocess.run(
        f"{command} | true; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        cwd=rows.folder,
        env=rows.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, "Traceback" in done.stderr) == ("0\n", False)


def test_color_is_only_where_it_is_wanted(rows: Ftc) -> None:
    """None in a pipe; with --color always the words stay the same."""
    plain = rows("status").stdout
    colored = rows("status", "--color", "always").stdout

    assert "\x1b" not in plain
    assert "\x1b" in colored
    assert re.sub(r"\x1b\[\d+m", "", colored) == plain


def test_status_loads_neither_torch_nor_pydantic(rows: Ftc) -> None:
    """With the plan kept from before, not even yaml."""
    rows("status")
    script = (
        "import sys; from ftc.cli.main import main; main(['status']);"
        "heavy = {'torch', 'transformers', 'pydantic', 'yaml', 'doit', 'numpy'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )

    done = subprocess.run(
        [*rows.command()[:2], "-c", script],
        cwd=rows.folder,
        env=rows.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_doctor_looks_at_what_a_build_needs(rows: Ftc) -> None:
    """A finding for each thing, with a way out where something is missing."""
    done = rows("doctor", "--json")

    findings = {record["name"]: record for record in map(json.loads, done.stdout.splitlines())}
    assert {"system", "python", "memory", "disk", "torch", "llama.cpp-converter"} <= set(findings)
    assert all(found["hint"] for found in findings.values() if found["level"] == "missing")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("sums", "error[no-model]: sums is no model\n"),
        ("summs", "error[unknown-target]: there is no target `summs`\n"),
    ],
)
def test_doctor_says_what_it_cannot_look_at(rows: Ftc, model: str, said: str) -> None:
    """A dataset, and a name that nothing has."""
    done = rows("doctor", model)

    assert done.returncode == 2
    assert said in done.stderr
