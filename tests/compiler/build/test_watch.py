"""Ranks that stand still or are gone while their launcher waits: they end the stage by name."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from ftc.build.interrupt import Interrupt
from ftc.build.supervise import Ended, Job, supervise
from ftc.build.watch import Watch
from ftc_runtime.heartbeat import Beat, Heartbeat, read_beats
from toy_project import is_alive, wait_until

LAUNCHER = """
import subprocess, sys
ranks = [subprocess.Popen([sys.executable, 'rank.py', str(rank)]) for rank in range(2)]
ranks[0].wait()
ranks[1].wait()
"""

WAITING_RANK = """
import sys, time
from pathlib import Path
from ftc_runtime.heartbeat import Heartbeat

heartbeat = Heartbeat(Path(), rank=int(sys.argv[1]), timeout_s=60)
heartbeat.beat(17, 600)
time.sleep(600)
"""

GLOO_RANK = """
import sys, time
from pathlib import Path
import torch
import torch.distributed as dist
from ftc_runtime.heartbeat import Heartbeat

rank = int(sys.argv[1])
heartbeat = Heartbeat(Path(), rank=rank, timeout_s=2)
meeting = f"file://{Path('meeting').absolute()}"
dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
time.sleep(3)  # loading is not watched
for step in range(600):
    heartbeat.beat(step, 600)
    dist.all_reduce(torch.ones(1))
    time.sleep(0.2)
    if step == 2:
        heartbeat.rest(3, 600)
        time.sleep(3)  # neither is saving
"""


class Ranks:
    """Two processes under a launcher, supervised as a stage is."""

    def __init__(self, folder: Path, code: str) -> None:
        """Start them, and wait for some steps."""
        self.folder = folder
        (folder / "rank.py").write_text(code)
        self._ended: list[Ended] = []
        self._thread = Thread(target=self._supervise)
        self._thread.start()
        wait_until(lambda: min(self._steps()) >= 5, seconds=90)
        self.beats = read_beats(folder)

    def _steps(self) -> list[int]:
        steps = {beat.rank: beat.step for beat in read_beats(self.folder)}
        return [steps.get(rank, 0) for rank in range(2)]

    def _supervise(self) -> None:
        with (self.folder / "lock").open("w") as lock:
            job = Job(
                command=[sys.executable, "-c", LAUNCHER],
                folder=self.folder,
                log=self.folder / "log",
                events=self.folder / "events",
                environment=dict(os.environ),
                locks=(lock.fileno(),),
            )
            ended = supervise(job, interrupt=Interrupt(), tell=lambda event: None)
            self._ended.append(ended)

    def end(self) -> Ended:
        """Return how it ended."""
        self._thread.join(timeout=60)
        return self._ended[0]


def test_a_rank_that_is_stopped_is_named_with_its_last_step(tmp_path: Path) -> None:
    """The other waits for it for ever, and did not beat either. Loading and saving took longer."""
    ranks = Ranks(tmp_path, GLOO_RANK)
    os.kill(ranks.beats[1].pid, signal.SIGSTOP)
    stopped = time.monotonic()

    ended = ranks.end()

    assert time.monotonic() - stopped < 10
    assert ended.code == 128 + signal.SIGKILL
    assert ended.complaint is not None
    assert re.fullmatch(
        rf"rank 1 \(process {ranks.beats[1].pid}, stopped by a signal\) has ended no step for"
        r" 2 seconds: its last step was \d+ of 600, at \d\d:\d\d:\d\d",
        ended.complaint["message"],
    )
    assert not any(is_alive(beat.pid) for beat in ranks.beats)


def test_a_rank_that_is_gone_is_named_while_its_launcher_waits(tmp_path: Path) -> None:
    """The launcher waits for the first rank, which does not notice."""
    ranks = Ranks(tmp_path, WAITING_RANK)
    os.kill(ranks.beats[1].pid, signal.SIGKILL)

    ended = ranks.end()

    assert ended.complaint is not None
    assert re.fullmatch(
        rf"rank 1 \(process {ranks.beats[1].pid}\) is gone, while its launcher still waits for it:"
        r" its last step was 17 of 600, at \d\d:\d\d:\d\d",
        ended.complaint["message"],
    )
    assert not is_alive(ranks.beats[0].pid)


def faults(watch: Watch, *, seconds: float) -> set[str | None]:
    """Return what the watch says within some seconds."""
    said = set()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        said.add(watch.fault())
        time.sleep(0.05)
    return said


def test_a_rank_whose_work_is_done_may_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its launcher may have more to do."""
    monkeypatch.setattr("ftc.build.watch.GONE_SECONDS", 0.5)
    watch = Watch(tmp_path)
    code = (
        "from pathlib import Path; from ftc_runtime.heartbeat import Heartbeat;"
        f"pulse = Heartbeat(Path({str(tmp_path)!r}), rank=0, timeout_s=1);"
        "pulse.beat(1, 2); pulse.end()"
    )

    subprocess.run([sys.executable, "-c", code], check=True)

    assert faults(watch, seconds=3) == {None}


def test_what_an_earlier_try_left_is_not_looked_at(tmp_path: Path) -> None:
    """Its processes are gone, of course."""
    Heartbeat(tmp_path, rank=7, timeout_s=1)

    Watch(tmp_path)

    assert read_beats(tmp_path) == []


def test_a_beat_is_read_as_it_was_said(tmp_path: Path) -> None:
    """In place, so that the file never grows."""
    pulse = Heartbeat(tmp_path, rank=3, timeout_s=1800)
    pulse.beat(41, 60)
    size = (tmp_path / "heartbeats" / "rank-3.json").stat().st_size
    pulse.rest(42, 60)

    (beat,) = read_beats(tmp_path)

    assert isinstance(beat, Beat)
    assert (beat.rank, beat.pid, beat.step, beat.steps) == (3, os.getpid(), 42, 60)
    assert (beat.watched, beat.timeout_s, beat.ended) == (False, 1800, False)
    assert (tmp_path / "heartbeats" / "rank-3.json").stat().st_size == size
