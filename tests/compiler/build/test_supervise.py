"""One supervised process: what it says, how it ended, and that nothing hangs."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ftc.build.interrupt import Interrupt
from ftc.build.report import Event
from ftc.build.supervise import SHIM, Ended, Job, supervise
from toy_project import wait_until

Run = Callable[..., Ended]


@pytest.fixture
def said() -> list[Event]:
    """Return the events that were heard."""
    return []


@pytest.fixture
def run(tmp_path: Path, said: list[Event]) -> Run:
    """Return a function that supervises a piece of Python, with `say` to write to the pipe."""
    prelude = (
        "import os, sys, time\nsay = lambda b: os.write(int(os.environ['FTC_EVENTS_FD']), b)\n"
    )

    def run(code: str, interrupt: Interrupt | None = None) -> Ended:
        with (tmp_path / "lock").open("w") as lock:
            job = Job(
                command=[sys.executable, "-c", prelude + code],
                folder=tmp_path,
                log=tmp_path / "logs" / "log",
                events=tmp_path / "logs" / "events",
                environment=dict(os.environ),
                locks=(lock.fileno(),),
            )
            return supervise(job, interrupt=interrupt or Interrupt(), tell=said.append)

    return run


def test_events_come_whole_however_they_were_written(
    run: Run, said: list[Event], tmp_path: Path
) -> None:
    """In pieces, several at once, with rubbish between; the raw file has it all."""
    ended = run(
        'say(b\'{"event": "pha\'); time.sleep(0.3); say(b\'se", "text": "one"}\\n\')\n'
        'say(b\'{"event": "phase", "text": "two"}\\nrubbish\\n[1]\\n\\xff\\n\')\n'
        'say(b\'{"event": "done", "facts": {"rows": 91}}\\n{"event": "torn\')\n'
    )

    assert [event.get("text") for event in said] == ["one", "two", None]
    assert (ended.code, ended.facts, ended.complaint) == (0, {"rows": 91}, None)
    assert (tmp_path / "logs" / "events").read_bytes().endswith(b'{"event": "torn')


def test_many_events_are_all_heard(run: Run, said: list[Event]) -> None:
    """More than the pipe holds, up to the very end of the process."""
    ended = run('for step in range(20000): say(b\'{"event": "metric", "step": %d}\\n\' % step)')

    assert ended.code == 0
    assert [event["step"] for event in said] == list(range(20000))


def test_output_goes_to_the_log(run: Run, tmp_path: Path) -> None:
    """Both streams, as they come, and nothing of an earlier run."""
    run("print('earlier')")

    run("print('out'); print('err', file=sys.stderr); sys.stdin.read()")

    assert (tmp_path / "logs" / "log").read_text() in ("out\nerr\n", "err\nout\n")


def test_the_last_complaint_is_kept(run: Run) -> None:
    """With its hint, beside the exit code."""
    ended = run('say(b\'{"event": "failed", "message": "no room", "hint": null}\\n\'); sys.exit(1)')

    assert ended.code == 1
    assert ended.complaint == {"event": "failed", "message": "no room", "hint": None}


def test_memory_is_that_of_the_largest_process(run: Run) -> None:
    """A child's counts too. Linux begins the count with what the forking process itself had."""
    ours = run("pass").peak_bytes
    ended = run(
        "import subprocess; subprocess.run([sys.executable, '-c', 'x = b\"x\" * 300_000_000'])"
    )

    assert 300e6 < ended.peak_bytes < max(500e6, 1.1 * ours)


def test_a_killed_shim_is_an_end_even_while_an_orphan_holds_the_pipe(
    run: Run, tmp_path: Path
) -> None:
    """The code is the shim's signal; the orphan in its session is killed as well."""
    pids = tmp_path / "pids"

    def kill_shim() -> None:
        wait_until(pids.exists)
        os.kill(int(pids.read_text().split()[0]), signal.SIGKILL)

    killer = threading.Thread(target=kill_shim)
    killer.start()

    ended = run(
        "child = os.fork()\n"
        "if child:\n"
        f"    open('pids.new', 'w').write(f'{{os.getppid()}} {{child}}')\n"
        f"    os.rename('pids.new', {str(pids)!r})\n"
        "time.sleep(60)"
    )

    killer.join()
    orphan = int(pids.read_text().split()[1])
    assert ended.code == -signal.SIGKILL
    assert ended.seconds < 20
    wait_until(lambda: not Path(f"/proc/{orphan}/fd/1").exists(), seconds=5)


SAVER = """
import signal
def save(*_):
    say(b'{"event": "stopping", "seconds": 4, "what": "step 41 of 60"}\\n')
    time.sleep(2.5)
    say(b'{"event": "phase", "text": "saved"}\\n')
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
say(b'{"event": "phase", "text": "ready"}\\n')
time.sleep(60)
"""


@pytest.fixture
def short_grace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a stage a second instead of ten."""
    shim = tmp_path / "shim.py"
    shim.write_text(SHIM.read_text().replace("GRACE_SECONDS = 10.0", "GRACE_SECONDS = 1.0"))
    monkeypatch.setattr("ftc.build.supervise.SHIM", shim)


def asking_when(said: list[Event], interrupt: Interrupt) -> threading.Thread:
    """Return a running thread that asks for the end once something was said."""

    def ask() -> None:
        wait_until(lambda: said)
        interrupt.ask()

    asker = threading.Thread(target=ask)
    asker.start()
    return asker


@pytest.mark.usefixtures("short_grace")
def test_a_stage_that_says_how_long_it_saves_is_given_that(run: Run, said: list[Event]) -> None:
    """Longer than the grace, and within what it said."""
    interrupt = Interrupt()
    asker = asking_when(said, interrupt)

    ended = run(SAVER, interrupt)

    asker.join()
    assert [event.get("text") for event in said] == ["ready", None, "saved"]
    assert ended.code == 0


@pytest.mark.usefixtures("short_grace")
def test_it_is_not_given_more_than_that(run: Run, said: list[Event]) -> None:
    """Its word and the grace after it."""
    interrupt = Interrupt()
    asker = asking_when(said, interrupt)

    ended = run(SAVER.replace("time.sleep(2.5)", "time.sleep(60)").replace("4", "1"), interrupt)

    asker.join()
    assert ended.code == 128 + signal.SIGKILL
    assert ended.seconds < 10


@pytest.mark.usefixtures("short_grace")
def test_a_second_wish_does_not_wait_for_the_saving(run: Run, said: list[Event]) -> None:
    """Ctrl-C, Ctrl-C."""
    interrupt = Interrupt()

    def ask_twice() -> None:
        wait_until(lambda: said)
        interrupt.ask()
        wait_until(lambda: len(said) > 1)
        interrupt.ask()

    asker = threading.Thread(target=ask_twice)
    asker.start()

    ended = run(SAVER, interrupt)

    asker.join()
    assert ended.code == 128 + signal.SIGKILL
    assert [event.get("text") for event in said] == ["ready", None]
