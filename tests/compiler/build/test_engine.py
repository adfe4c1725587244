"""What a build runs, in which order, and what it leaves."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import pytest

from ftc.plan.freshness import Freshness, State
from ftc.plan.stages import Stage
from toy_project import Diary, ToyProject, wait_until


@pytest.fixture
def project(tmp_path: Path) -> ToyProject:
    """Return a project of two chains that share their beginning."""
    project = ToyProject(tmp_path)
    project.stage("dataset:d", text="rows")
    project.stage("tokens:t", inputs=["dataset:d"])
    project.stage(
        "sft:a@lora.r=8/x", text="r 16", inputs=["tokens:t"], outputs={"out": "tokenizer"}
    )
    project.stage("gguf:g", inputs=["sft:a@lora.r=8/x>out"])
    project.stage("score:s", text="scores", inputs=["dataset:d"])
    return project


def test_a_first_build_runs_everything_and_a_second_nothing(project: ToyProject) -> None:
    """Order follows the edges; then all is up to date, and the console is told so once."""
    first, second = Diary(), Diary()

    outcome = project.build(diary=first)
    ran = project.ran()
    again = project.build(diary=second)

    assert outcome.code == again.code == 0
    assert ran == ["dataset:d", "tokens:t", "sft:a@lora.r=8/x", "gguf:g", "score:s"]
    assert project.ran() == []
    assert first.lines[:2] == ["started dataset:d", "finished dataset:d"]
    assert second.lines == [f"up to date {' '.join(project.stages)}"]
    assert set(project.statuses().values()) == {"fresh"}


def test_only_what_is_named_and_before_it_is_built(project: ToyProject) -> None:
    """The closure of a name, no more."""
    project.build("tokens:t")

    assert project.ran() == ["dataset:d", "tokens:t"]


def test_an_edit_reruns_what_follows_and_its_undoing_runs_nothing(project: ToyProject) -> None:
    """r 16 -> 8 -> 16: the old result comes back from the store, with its digest."""
    project.build()
    before = project.digest("gguf:g")
    project.ran()
    original = project.stages["sft:a@lora.r=8/x"]
    project.stage("sft:a@lora.r=8/x", text="r 8", inputs=["tokens:t"], outputs=original.outputs)

    statuses = project.statuses()
    project.build()
    ran, edited = project.ran(), project.digest("gguf:g")
    project.stages["sft:a@lora.r=8/x"] = original
    diary = Diary()
    project.build(diary=diary)

    assert statuses["sft:a@lora.r=8/x"] == "stale"
    assert statuses["gguf:g"] == "pending"
    assert ran == ["sft:a@lora.r=8/x", "gguf:g"]
    assert edited != before
    assert project.ran() == []
    assert diary.lines[:2] == ["restored sft:a@lora.r=8/x", "restored gguf:g"]
    assert project.digest("gguf:g") == before


def test_equal_bytes_from_a_rerun_stop_the_rerun_there(project: ToyProject) -> None:
    """Early cutoff: another key, the same output, and nothing after it runs."""
    project.build()
    project.ran()

    project.stage("dataset:d", text="rows", aside="reworded")
    outcome = project.build()

    assert project.ran() == ["dataset:d"]
    assert outcome.fresh == ["tokens:t", "sft:a@lora.r=8/x", "gguf:g", "score:s"]


def test_a_renamed_stage_is_fresh_at_once(project: ToyProject) -> None:
    """A name is in no key; the build only notes what the new name uses."""
    project.build()
    project.ran()
    renamed = project.stages.pop("score:s")._replace(name="score:new")
    project.stages["score:new"] = renamed

    outcome = project.build()

    assert project.ran() == []
    assert "score:new" in outcome.fresh
    assert project.store.ref("toy", "score:new") == project.store.ref("toy", "score:s")


def test_two_stages_of_one_key_run_once(project: ToyProject) -> None:
    """Equal work under two names, at the same time."""
    project.stage("score:s", text="equal", inputs=["dataset:d"], seconds=0.3)
    project.stage("score:twin", text="equal", inputs=["dataset:d"], seconds=0.3)

    outcome = project.build(jobs=3)

    assert outcome.code == 0
    assert len([name for name in project.ran() if name.startswith("score")]) == 1


def test_a_failure_stops_what_needs_it_and_keeping_going_builds_the_rest(
    project: ToyProject,
) -> None:
    """The failed stage's own words are shown; without --keep-going nothing new starts."""
    project.stage("tokens:t", inputs=["dataset:d"], complaint="no room", hint="make room")
    stopped, kept = Diary(), Diary()

    first = project.build(diary=stopped)
    ran = project.ran()
    second = project.build(diary=kept, keep_going=True)

    assert first.code == second.code == 1
    assert ran == ["dataset:d", "tokens:t"]
    assert stopped.lines[2:] == ["started tokens:t", "failed tokens:t: no room"]
    assert first.left_out == ["sft:a@lora.r=8/x", "gguf:g", "score:s"]
    assert second.left_out == ["sft:a@lora.r=8/x", "gguf:g"]
    assert project.ran() == ["tokens:t", "score:s"]
    (failure,) = kept.failures
    assert (failure.message, failure.hint) == ("no room", "make room")
    assert failure.log is not None and failure.log.exists()
    assert project.statuses()["tokens:t"] == "failed"


def test_a_failed_stage_is_tried_again_and_then_forgotten(project: ToyProject) -> None:
    """Its params are operational here, so the key stays and the failure with it until it works."""
    project.stage("tokens:t", inputs=["dataset:d"], code=3)
    failed = project.build("tokens:t")
    project.stage("tokens:t", inputs=["dataset:d"])

    worked = project.build("tokens:t")

    assert failed.failed["tokens:t"].message == "its process ended with code 3"
    assert worked.code == 0
    assert project.statuses()["tokens:t"] == "fresh"
    assert list((project.root / ".ftc" / "work").iterdir()) == []


def test_a_killed_stage_fails_and_does_not_hang(project: ToyProject) -> None:
    """What the out-of-memory killer does."""
    project.stage("tokens:t", inputs=["dataset:d"], signal=int(signal.SIGKILL))

    outcome = project.build("tokens:t")

    failure = outcome.failed["tokens:t"]
    assert re.fullmatch(
        r"its process was ended by SIGKILL, with \d\.\d GiB in memory", failure.message
    )
    assert failure.hint == "most often that is the kernel, out of memory: `dmesg` tells"


def test_outputs_must_be_the_declared_ones(project: ToyProject) -> None:
    """A stage that ends well is not believed blindly, and nothing of it is published."""
    project.stage("dataset:d", text="rows", leaves_out=["rows"], adds=["extra.txt"])

    outcome = project.build("dataset:d")

    assert outcome.failed["dataset:d"].message == (
        "the stage ended well, and yet `extra.txt` was written, which is no output of this stage; "
        "`rows.jsonl` was not written"
    )
    assert project.statuses()["dataset:d"] == "failed"


@pytest.mark.invariant(12)
def test_a_source_edited_while_it_is_read_publishes_nothing(project: ToyProject) -> None:
    """Nobody could say which bytes the result was made from."""
    source = project.root / "data.json"
    source.write_text("[]")
    project.stage("dataset:d", source=source, edit=str(source))

    outcome = project.build("dataset:d")
    statuses = project.statuses()
    project.stage("dataset:d", source=source)
    again = project.build("dataset:d")

    assert outcome.failed["dataset:d"].message == "data.json changed while the stage read it"
    assert statuses["dataset:d"] == "stale"
    assert again.code == 0


@pytest.mark.parametrize("damage", ["missing", "truncated"])
@pytest.mark.parametrize("stage", ["dataset:d", "sft:a@lora.r=8/x"])
def test_a_damaged_object_is_made_again(project: ToyProject, damage: str, stage: str) -> None:
    """A file's blob and one within a tree: noticed, rebuilt, the same bytes, nothing after it."""
    project.build()
    project.ran()
    state = project.freshness().look()[stage]
    assert state.record is not None
    (stored,) = state.record.outputs.values()
    path = project.store.path(stored)
    blob = (path / "below" / "two.txt" if path.is_dir() else path).resolve()
    blob.unlink()
    if damage == "truncated":
        blob.write_bytes(b"")

    status = project.statuses()[stage]
    outcome = project.build()

    assert status == "absent"
    assert outcome.code == 0
    assert project.ran() == [stage]
    assert blob.stat().st_size > 0


def test_a_check_that_raises_is_the_builds_fault_and_not_the_end_of_doit(
    project: ToyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes out as it is, after what can be built is built."""
    assess = Freshness.assess

    def broken(self: Freshness, stage: Stage) -> State:
        if stage.name == "tokens:t" and self.states["dataset:d"].status == "fresh":
            raise ZeroDivisionError("a bug")
        return assess(self, stage)

    monkeypatch.setattr(Freshness, "assess", broken)

    with pytest.raises(ZeroDivisionError, match="a bug"):
        project.build(keep_going=True)

    assert project.ran() == ["dataset:d", "score:s"]


def test_a_reporter_that_raises_ends_no_build(project: ToyProject) -> None:
    """All is built, then the fault is shown."""

    class Broken(Diary):
        def stage_event(self, stage: Stage, event: object) -> None:
            raise ZeroDivisionError("in the console")

    with pytest.raises(ZeroDivisionError, match="in the console"):
        project.build(diary=Broken())

    assert set(project.statuses().values()) == {"fresh"}


def test_an_unknown_source_is_a_failure_with_its_note(project: ToyProject) -> None:
    """A file that is gone since the project was checked."""
    project.stage("dataset:d", source=project.root / "gone.json")

    outcome = project.build("tokens:t")

    assert outcome.failed["dataset:d"].message == "gone.json does not exist"


def test_independent_stages_run_together_when_asked(tmp_path: Path) -> None:
    """Four waits of a second, all at once."""
    project = ToyProject(tmp_path)
    for number in range(4):
        project.stage(f"toy:{number}", text=str(number), seconds=1.0)
    started = time.monotonic()

    outcome = project.build(jobs=4)

    assert outcome.code == 0
    assert time.monotonic() - started < 3.0


@pytest.mark.invariant(6)
def test_two_builders_run_a_key_once_and_the_second_says_for_whom_it_waits(
    tmp_path: Path,
) -> None:
    """The kernel's lock, then a second look at the store."""
    project = ToyProject(tmp_path)
    project.stage("sft:a", seconds=1.5, running=str(tmp_path / "running"))
    first = project.build_elsewhere()
    wait_until((tmp_path / "running").exists)
    statuses = project.statuses()
    diary = Diary()

    outcome = project.build(diary=diary)

    assert first.wait(timeout=20) == outcome.code == 0
    assert statuses == {"sft:a": "running"}
    assert project.ran() == ["sft:a"]
    assert diary.lines == [f"waiting sft:a for {first.pid}", "restored sft:a"]


def test_the_record_says_how_it_was_made(project: ToyProject) -> None:
    """The preimage for explanations; host, threads and times as facts beside it."""
    project.build("dataset:d", threads=3)

    record = project.freshness().look()["dataset:d"].record
    assert record is not None
    assert record.preimage["spec"] == {"text": "rows", "aside": ""}
    assert record.facts["threads"] == 3
    assert record.facts["stage"] == {"outputs": 1}
    assert record.facts["peak_bytes"] > 2**20
    assert sorted(record.facts) == [
        "attempts",
        "ftc",
        "host",
        "instruction_set",
        "name",
        "params",
        "peak_bytes",
        "python",
        "reproduces",
        "resumed",
        "seconds",
        "stage",
        "started",
        "threads",
    ]


def test_each_build_that_does_something_is_told_in_a_file(project: ToyProject) -> None:
    """Who ran and why; one that finds all up to date tells nothing."""
    project.build("dataset:d")
    project.stage("dataset:d", text="other rows")
    project.build("dataset:d")
    project.build("dataset:d")

    first, second = sorted((project.root / ".ftc" / "runs").glob("*/events.jsonl"))
    lines = [json.loads(line) for file in (first, second) for line in file.open()]
    assert [(line["event"], line["stage"], line.get("why")) for line in lines] == [
        ("started", "dataset:d", ["never built"]),
        ("finished", "dataset:d", None),
        ("started", "dataset:d", ["text rows -> other rows"]),
        ("finished", "dataset:d", None),
    ]


def test_log_and_events_stay_when_the_work_folder_goes(project: ToyProject) -> None:
    """For `ftc log`, and for curves."""
    project.build("dataset:d")
    key = project.store.ref("toy", "dataset:d")
    assert key is not None

    assert project.store.log(key).read_text() == ""
    assert '"progress"' in project.store.events(key).read_text()
    assert not project.store.work(key).exists()
