"""`python -P -m ftc_runtime SPEC.json`: versions, exit codes, events, and who may speak."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import smollm2
from ftc_runtime.contract import params_class
from stage_runs import stage_spec


@dataclass
class Done:
    """A process that has ended, and the events from its pipe."""

    code: int
    stdout: str
    stderr: str
    events: list[dict[str, Any]]


def run(folder: Path, spec: Path | str, **options: Any) -> Done:
    """Run the module on a spec, with a pipe for its events."""
    environment = options.pop("environment", {})
    said = folder / "events"
    with said.open("wb") as file:
        process = subprocess.run(
            [sys.executable, "-P", "-m", "ftc_runtime", str(spec)],
            capture_output=True,
            text=True,
            env=os.environ | {"FTC_EVENTS_FD": str(file.fileno())} | environment,
            pass_fds=[file.fileno()],
            check=False,
            **options,
        )
    events = [json.loads(line) for line in said.read_text().splitlines()]
    return Done(process.returncode, process.stdout, process.stderr, events)


def dataset_spec(folder: Path, content: str, **changes: Any) -> Path:
    """Write the spec of a small stage."""
    (folder / "rows.jsonl").write_text(content)
    source = {"uri": "rows.jsonl", "path": str(folder / "rows.jsonl")}
    stage = stage_spec("dataset", folder / "stage", inputs={}, source=source)
    fields = stage.model_dump(mode="json") | changes
    (folder / "spec.json").write_text(json.dumps(fields))
    return folder / "spec.json"


ROW = '{"instruction": "Q", "output": "A"}\n'


def test_a_stage_that_goes_well_is_silent_and_says_done_last(tmp_path: Path) -> None:
    """Nothing on stdout or stderr: those are for the log."""
    done = run(tmp_path, dataset_spec(tmp_path, ROW))

    assert (done.code, done.stdout, done.stderr) == (0, "", "")
    del done.events[-1]["time"]
    assert done.events[-1] == {
        "event": "done",
        "facts": {"rows": 1, "dropped": 0, "train": 1, "holdout": 0},
    }


def test_a_failed_stage_says_why_in_an_event_and_a_line(tmp_path: Path) -> None:
    """Exit code 1, and no traceback."""
    done = run(tmp_path, dataset_spec(tmp_path, "{}\n"))

    assert done.code == 1
    assert done.stderr == (
        "error: rows.jsonl has no row that can be used (1 read)\n  row 1: no instruction\n"
        "  help: Rows of format alpaca need instruction, output\n"
    )
    assert [event["event"] for event in done.events] == ["failed"]


def test_another_version_of_a_library_is_an_error_that_names_both(tmp_path: Path) -> None:
    """Every library that differs, and the command; a local part such as +cpu does not count."""
    torch = version("torch").partition("+")[0]
    libraries = {"torch": torch, "jinja2": "1.0", "no-such-library": "2.0"}

    done = run(tmp_path, dataset_spec(tmp_path, ROW, libraries=libraries))

    assert done.code == 1
    assert done.events[-1]["message"] == (
        f"jinja2 is {version('jinja2')}, the key says 1.0, "
        "no-such-library is not installed, the key says 2.0"
    )
    assert done.events[-1]["hint"] == (
        "pip install jinja2==1.0 no-such-library==2.0, "
        "or go on with what is installed: ftc lock --upgrade env"
    )


def test_settings_that_a_kind_does_not_take_are_named(tmp_path: Path) -> None:
    """A spec by hand, or of another version of ftc."""
    done = run(tmp_path, dataset_spec(tmp_path, ROW, params={"format": "csv", "shuffle": True}))

    assert done.code == 1
    assert done.events[-1]["message"] == (
        "dataset:test has settings that dataset does not take: "
        "format: Input should be 'alpaca', 'sharegpt', 'openai' or 'text'; "
        "shuffle: Extra inputs are not permitted"
    )


def test_a_kind_that_is_not_there_is_named(tmp_path: Path) -> None:
    """No traceback for it."""
    done = run(tmp_path, dataset_spec(tmp_path, ROW, kind="distil"))

    assert (done.code, done.events[-1]["message"]) == (
        1,
        "dataset:test is of the kind 'distil', which is not known",
    )


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "No such file or directory"),
        ("{", "Expecting property name"),
        ('{"command": "dance"}', "the command 'dance' is not known"),
        ('{"command": "resolve"}', "uri: Field required"),
        ('{"kind": "dataset"}', "stage: Field required; key: Field required"),
    ],
)
def test_a_spec_that_cannot_be_read_is_a_usage_error(
    tmp_path: Path, content: str | None, fault: str
) -> None:
    """Exit code 2 and a line that names the file."""
    spec = tmp_path / "spec.json"
    if content is not None:
        spec.write_text(content)

    done = run(tmp_path, spec)

    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {spec}: ")
    assert fault in done.stderr
    assert done.stderr.count("\n") == 1


def test_our_own_bug_leaves_a_traceback_and_exit_code_70(tmp_path: Path) -> None:
    """Here: an output whose folder is not there, which only ftc can bring about."""
    outputs = {name: str(tmp_path / "gone" / name) for name in ("train", "holdout", "report")}

    done = run(tmp_path, dataset_spec(tmp_path, ROW, outputs=outputs))

    assert done.code == 70
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert done.events[-1]["event"] == "failed"
    assert done.events[-1]["message"].startswith("FileNotFoundError: ")


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    """/dev/full answers every write as a full disk does."""
    outputs = {name: "/dev/full" for name in ("train", "holdout", "report")}

    done = run(tmp_path, dataset_spec(tmp_path, ROW, outputs=outputs))

    assert done.code == 1
    assert done.events[-1]["message"].startswith("the disk is full (")
    assert done.events[-1]["hint"] == "Free some space, or put the store elsewhere: FTC_STORE=DIR"


def test_no_memory_is_told_as_such(tmp_path: Path) -> None:
    """A limit of the process stands for a small machine."""
    spec = dataset_spec(tmp_path, json.dumps({"instruction": "Q" * 300_000_000, "output": "A"}))

    done = run(
        tmp_path, spec,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (700_000_000, 700_000_000)),
    )  # fmt: skip

    assert done.code == 1
    assert done.events[-1]["message"].startswith("out of memory: ")


def test_only_the_first_rank_speaks(tmp_path: Path) -> None:
    """The others do so when they fail, with their number."""
    (tmp_path / "good").mkdir()
    (tmp_path / "bad").mkdir()
    good = run(tmp_path / "good", dataset_spec(tmp_path / "good", ROW), environment={"RANK": "1"})
    bad = run(tmp_path / "bad", dataset_spec(tmp_path / "bad", "{}"), environment={"RANK": "1"})

    assert (good.code, good.events) == (0, [])
    assert [event["message"].partition(":")[0] for event in bad.events] == ["rank 1"]


def test_a_folder_of_the_users_is_not_imported(tmp_path: Path) -> None:
    """A package named like ours, or like one that we use, where the stage is started."""
    (tmp_path / "ftc_runtime").mkdir()
    (tmp_path / "ftc_runtime" / "__main__.py").write_text("raise SystemExit(9)")
    (tmp_path / "pydantic.py").write_text("raise SystemExit(9)")

    done = run(tmp_path, dataset_spec(tmp_path, ROW), cwd=tmp_path)

    assert done.code == 0


@pytest.mark.parametrize(("more", "loads_torch"), [((), False), (("torch",), True)])
def test_torch_is_loaded_only_by_a_stage_whose_key_names_it(
    tmp_path: Path, more: tuple[str, ...], loads_torch: bool
) -> None:
    """transformers would load it for a tokenizer's sake."""
    smollm2.write_tokenizer(tmp_path / "tokenizer")
    stage = stage_spec("template", tmp_path / "stage", inputs={"tokenizer": tmp_path / "tokenizer"})
    names = (*params_class("template").libraries, *more)
    fields = stage.model_dump(mode="json") | {
        "libraries": {name: installed(name) for name in names}
    }
    (tmp_path / "spec.json").write_text(json.dumps(fields))

    done = run(tmp_path, tmp_path / "spec.json", environment={"PYTHONPROFILEIMPORTTIME": "1"})

    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert (done.code, "transformers" in imported) == (0, True)
    assert ("torch" in imported) == loads_torch


def installed(name: str) -> str:
    """Return a library's version as a key has it."""
    return version(name).partition("+")[0]
