"""The shim: nothing that a stage started outlives it, whoever is killed."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ftc.build.supervise import SHIM
from toy_project import is_alive, wait_until

FAMILY = """
import signal, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from toy_stage import leave_children
if {deaf}:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
leave_children(Path({pids!r}), wait={wait})
"""


@dataclass
class Shim:
    """A running shim, and the write end of its lifeline."""

    process: subprocess.Popen[bytes]
    lifeline: int


@pytest.fixture
def shims() -> Iterator[list[Shim]]:
    """Return the shims of a test, and end them after it."""
    started: list[Shim] = []
    yield started
    for shim in started:
        shim.process.kill()
        shim.process.wait()


SHORT_GRACE = f"""
import sys
sys.path.insert(0, {str(SHIM.parent)!r})
import shim
shim.GRACE_SECONDS = 1.0
sys.exit(shim.main(int(sys.argv[1]), sys.argv[2:]))
"""


def start(shims: list[Shim], command: list[str], *, code: str | None = None) -> Shim:
    """Start a command under a shim, or under *code* that stands for it."""
    live, lifeline = os.pipe()
    process = subprocess.Popen(
        [sys.executable, *(["-c", code] if code else ["-I", "-S", str(SHIM)]), str(live), *command],
        pass_fds=[live],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    os.close(live)
    shims.append(Shim(process, lifeline))
    return shims[-1]


def start_family(
    shims: list[Shim], folder: Path, *, wait: bool = True, deaf: bool = False
) -> tuple[Shim, list[int]]:
    """Start a process with children in its session and in others, under a shim."""
    pids = folder / "pids"
    tests = str(Path(__file__).parents[2])
    code = FAMILY.format(tests=tests, pids=str(pids), wait=wait, deaf=deaf)
    shim = start(shims, [sys.executable, "-c", code])
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 4)
    return shim, [int(pid) for pid in pids.read_text().split()]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -9 $$"], 128 + 9),
        (["sh", "-c", "kill -15 $$"], 128 + 15),
        (["no-such-command"], 127),
    ],
)
def test_the_exit_status_is_the_stages(shims: list[Shim], command: list[str], code: int) -> None:
    """A signal shows as 128 + its number."""
    assert start(shims, command).process.wait(timeout=20) == code


def test_a_build_may_have_a_thousand_descriptors_open(shims: list[Shim]) -> None:
    """The lifeline then has a number that `select` does not take."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    many = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        shim = start(shims, [sys.executable, "-c", "raise SystemExit(3)"])
        assert shim.process.wait(timeout=20) == 3
    finally:
        for descriptor in many:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_a_stage_leaves_running_is_ended(shims: list[Shim], tmp_path: Path) -> None:
    """A stage is done when all of it is, and its status stays its own."""
    shim, family = start_family(shims, tmp_path, wait=False)

    code = shim.process.wait(timeout=20)

    assert code == 0
    assert not any(is_alive(pid) for pid in family)


def test_the_end_of_the_lifeline_ends_all_of_it(shims: list[Shim], tmp_path: Path) -> None:
    """ftc was killed: children, and grandchildren in sessions of their own."""
    shim, family = start_family(shims, tmp_path)
    alive = [is_alive(pid) for pid in family]

    os.close(shim.lifeline)

    assert shim.process.wait(timeout=5) == 128 + signal.SIGTERM
    assert alive == [True] * 4
    assert not any(is_alive(pid) for pid in family)


def test_who_does_not_hear_is_killed_after_ten_seconds(shims: list[Shim], tmp_path: Path) -> None:
    """Time to save something, and an end."""
    shim, family = start_family(shims, tmp_path, deaf=True)
    started = time.monotonic()

    os.close(shim.lifeline)

    assert shim.process.wait(timeout=15) == 128 + signal.SIGKILL
    assert 9.5 < time.monotonic() - started < 13
    assert not any(is_alive(pid) for pid in family)


DEAF = [sys.executable, "-c", "import signal, time; signal.signal(15, 1); time.sleep(60)"]


def test_ftc_may_let_a_stage_have_more_time_while_it_lives(shims: list[Shim]) -> None:
    """Each `w` is a grace more; it is the last one when ftc is gone."""
    shim = start(shims, DEAF, code=SHORT_GRACE)
    time.sleep(1)
    os.write(shim.lifeline, b"t")
    alive = []
    for _ in range(5):
        time.sleep(0.5)
        os.write(shim.lifeline, b"w")
        alive.append(shim.process.poll() is None)
    os.close(shim.lifeline)
    closed = time.monotonic()

    assert shim.process.wait(timeout=5) == 128 + signal.SIGKILL
    assert alive == [True] * 5
    assert 0.8 < time.monotonic() - closed < 3


def test_the_second_wish_is_not_to_be_refused(shims: list[Shim], tmp_path: Path) -> None:
    """Ctrl-C twice."""
    shim, family = start_family(shims, tmp_path, deaf=True)

    os.write(shim.lifeline, b"t")
    time.sleep(0.5)
    patient = is_alive(family[0])
    os.write(shim.lifeline, b"k")

    assert patient
    assert shim.process.wait(timeout=3) == 128 + signal.SIGKILL
    assert not any(is_alive(pid) for pid in family)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_shim_ends_the_stage(
    shims: list[Shim], tmp_path: Path, number: int
) -> None:
    """Somebody knows only the shim's number."""
    shim, family = start_family(shims, tmp_path)

    shim.process.send_signal(number)

    assert shim.process.wait(timeout=5) == 128 + signal.SIGTERM
    assert not any(is_alive(pid) for pid in family)


def test_a_killed_shim_takes_the_stage_with_it(shims: list[Shim], tmp_path: Path) -> None:
    """The kernel tells the child; there is nobody else left to do it."""
    shim, family = start_family(shims, tmp_path)

    shim.process.kill()
    shim.process.wait()

    wait_until(lambda: not is_alive(family[0]), seconds=2)
    for pid in family[1:]:
        os.kill(pid, signal.SIGKILL)


def test_a_killed_stage_leaves_nothing(shims: list[Shim], tmp_path: Path) -> None:
    """The launcher of several ranks was killed."""
    shim, family = start_family(shims, tmp_path)

    os.kill(family[0], signal.SIGKILL)

    assert shim.process.wait(timeout=5) == 128 + signal.SIGKILL
    assert not any(is_alive(pid) for pid in family)
