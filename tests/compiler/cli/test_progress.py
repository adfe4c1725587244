"""What a build says while it waits and while it reads."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest

from ftc.cli.console import Console
from ftc.cli.progress import Progress, progress_text
from ftc.cli.reading import Reading
from ftc.plan.stages import Plan
from ftc.store.locks import Holder
from toy_project import ToyProject

HOLDER = Holder(4711, "box", "ftc build: sft:b", since=0.0)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Live in Greenwich."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def a_console(*, as_json: bool = False) -> Console:
    """Return a console that speaks into memory."""
    console = Console(io.StringIO(), io.StringIO())
    console.configure(json=as_json, color="never", quiet=False)
    return console


def said_to(console: Console) -> str:
    """Return what was printed, on either stream."""
    assert isinstance(console.out, io.StringIO) and isinstance(console.err, io.StringIO)
    return console.out.getvalue() + console.err.getvalue()


def test_waiting_says_who_holds_what_since_when(tmp_path: Path) -> None:
    """A key is held by whoever builds it; a card is named."""
    stage = ToyProject(tmp_path).stage("sft:a")
    plan = Plan("toy", tmp_path, tmp_path / "project.yaml", {stage.name: stage}, {})
    text, records = a_console(), a_console(as_json=True)

    for console in (text, records):
        progress = Progress(plan, console, total=1)
        progress.stage_waiting(stage, HOLDER)
        progress.stage_waiting(stage, HOLDER._replace(holds="GPU 0, NVIDIA H100"))

    held = "process 4711 on box since 00:00:00 (ftc build: sft:b)"
    assert said_to(text).splitlines() == [
        f"  sft:a  waits for {held}",
        f"  sft:a  waits for GPU 0, NVIDIA H100, held by {held}",
    ]
    assert json.loads(said_to(records).splitlines()[1]) == {
        "schema_version": 1,
        "type": "waiting",
        "stage": "sft:a",
        "pid": 4711,
        "host": "box",
        "command": "ftc build: sft:b",
        "since": 0.0,
        "holds": "GPU 0, NVIDIA H100",
    }


def test_reading_much_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its beginning, every fifteen seconds, and at its end; little is not worth a word."""
    console, now = a_console(), [100.0]
    monkeypatch.setattr("ftc.cli.reading.time.monotonic", lambda: now[0])
    little, much = Reading(console), Reading(console)

    little.told(0, 1_000_000)
    for seconds, done in ((0, 0), (5, 6), (15, 12), (20, 100), (21, 140)):
        now[0] = 100.0 + seconds
        much.told(done * 10**9, 140 * 10**9)

    assert said_to(console).splitlines() == [
        "reading weights, once: 0.0 of 140.0 GB",
        "reading weights, once: 12.0 of 140.0 GB",
        "reading weights, once: 140.0 of 140.0 GB",
    ]


def test_progress_of_a_training_tells_memory_speed_and_time_left_in_words() -> None:
    """Bytes, tokens a second and seconds come last, in their units."""
    values = {
        "loss": 1.8312, "grad_norm": 0.25, "memory_bytes": 1288490189,
        "tokens_per_second": 4100.0, "eta_s": 20.0,
    }  # fmt: skip

    text = progress_text({"unit": "step", "done": 12, "total": 60, "values": values})

    assert text == "step 12/60  loss 1.831  grad norm 0.25  1.2 GiB  4.1k tok/s  ETA 20s"
