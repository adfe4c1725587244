"""`kill -9` of ftc at any moment: nothing is left running, nothing false is kept."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from command_line import Ftc
from conftest import TINY, write_project
from test_determinism import digests
from toy_project import wait_until

SLOWER = (
    TINY.replace("max_steps: 2", "max_steps: 12")
    + """\
  gguf: {model: adder, format: gguf, quantization: q8_0}
"""
)
LEFT_AFTER_SECONDS = 15.0


def left_of(folder: Path) -> list[str]:
    """Return the command lines of processes that name a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in command and int(process.name) != os.getpid():
            found.append(command)
    return found


def wait_for_stage(ftc: Ftc, builder: subprocess.Popen[str], stage: str) -> None:
    """Read what the build says until a stage has started."""
    assert builder.stderr is not None
    for line in builder.stderr:
        if line.startswith(f"> {stage}"):
            return
    raise AssertionError(f"{stage} did not start")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Ftc:
    """A build that nobody killed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    ftc = write_project(folder, SLOWER)
    done = ftc("build")
    assert done.returncode == 0, done.stderr
    return ftc


def test_killed_in_training_merging_and_converting(tmp_path: Path, undisturbed: Ftc) -> None:
    """One build after another is killed; the last one ends as if nothing had been."""
    ftc = write_project(tmp_path, SLOWER)

    for stage, after_seconds in [("sft", 0.2), ("sft", 4.0), ("merge", 0.5), ("gguf", 2.0)]:
        builder = subprocess.Popen(
            ftc.command("build"),
            cwd=tmp_path,
            env=ftc.environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for_stage(ftc, builder, stage)
        time.sleep(after_seconds)
        builder.send_signal(signal.SIGKILL)
        builder.wait()
        killed = time.monotonic()
        while left_of(tmp_path) and time.monotonic() < killed + LEFT_AFTER_SECONDS:
            time.sleep(0.1)

        assert left_of(tmp_path) == []
        states = {name.split(":")[0]: state for name, state in ftc.states().items()}
        assert states[stage] in ("stale", "resumable", "fresh")
        assert states["tokens"] == "fresh"

    last = ftc("build")
    assert last.returncode == 0, last.stderr
    assert digests(ftc) == digests(undisturbed)


def test_a_killed_training_goes_on_and_another_setting_is_not_disturbed(
    tmp_path: Path, undisturbed: Ftc
) -> None:
    """r=4 is built, r=8 killed half way, back to r=4: one command, no work. r=8 then goes on."""
    other = SLOWER.replace("lora: {r: 4}", "lora: {r: 8}").replace(
        "max_steps: 12", "max_steps: 12, save_steps: 2"
    )
    ftc = write_project(tmp_path / "project", SLOWER, store=undisturbed.store)
    ftc("build", "adder")
    before = ftc.states("adder")
    ftc.edit(SLOWER, other)
    builder = subprocess.Popen(
        ftc.command("build", "adder"),
        cwd=ftc.folder,
        env=ftc.environment(),
        stderr=subprocess.DEVNULL,
    )
    saved = "work/*/scratch/checkpoints/*/manifest.json"
    wait_until(lambda: list(ftc.store.glob(saved)), seconds=300)
    builder.kill()
    builder.wait()
    wait_until(lambda: not left_of(ftc.folder) and not left_of(ftc.store / "work"))

    ftc.edit(other, SLOWER)
    back = ftc("build", "adder")
    after = ftc.states("adder")
    ftc.edit(SLOWER, other)
    status = ftc("status", "adder")
    last = ftc("build", "adder")

    assert before == after == dict.fromkeys(before, "fresh")
    assert (back.returncode, [line for line in back.stderr.splitlines() if "> " in line]) == (0, [])
    assert re.search(r"~ sft:adder +resumable .*; goes on from step \d+ of 12\n", status.stdout)
    assert last.returncode == 0, last.stderr
    assert facts_of(ftc, "sft:adder")["resumed"] is True
    assert not list(ftc.store.glob("work/*"))


def facts_of(ftc: Ftc, stage: str) -> dict[str, object]:
    """Return the facts of a stage's record."""
    lines = ftc("status", "--json").stdout.splitlines()
    (key,) = [json.loads(line)["key"] for line in lines if json.loads(line)["stage"] == stage]
    facts: dict[str, object] = json.loads((ftc.store / "ac" / key[:2] / f"{key}.json").read_text())[
        "facts"
    ]
    return facts


def test_ctrl_c_ends_everything_within_seconds(tmp_path: Path) -> None:
    """Exit 130, nothing left, and the next build goes on."""
    ftc = write_project(tmp_path, SLOWER)
    # A background job of a script ignores SIGINT, and so would its children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    builder = subprocess.Popen(
        ftc.command("build", "merged"),
        cwd=tmp_path,
        env=ftc.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGINT, before)
    wait_for_stage(ftc, builder, "model:smollm2")
    time.sleep(1)

    builder.send_signal(signal.SIGINT)
    pressed = time.monotonic()
    code = builder.wait(timeout=12)

    assert code == 130
    assert time.monotonic() - pressed < 12
    assert left_of(tmp_path) == []
    assert ftc.states()["model:smollm2"] == "stale"
