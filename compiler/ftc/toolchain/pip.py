"""pip as a process: its lines followed, its faults put in one sentence, nothing left running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from ftc.toolchain.errors import ToolchainError

FAULT = re.compile(r"\s*(?:(?:ERROR|error): *(\S.*)|(\S+: (?:fatal )?error: .+))")
"""What pip says of itself, and what a compiler says of a file."""
SECONDS_TO_END = 5


def run_pip(
    arguments: Sequence[str],
    *,
    what: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Run pip of this environment; all that it says goes to *log*, and each line to *on_line*.

    Raises:
        ToolchainError: if pip is not there or fails: "*what*: pip's own reason".
    """
    if find_spec("pip") is None:
        raise ToolchainError(f"{what}: {sys.prefix} has no pip", "python -m ensurepip")
    command = [sys.executable, "-m", "pip", *arguments, "--disable-pip-version-check"]
    reasons: list[str] = []
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file, _process(command, environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            file.flush()
            if (match := FAULT.match(line)) is not None:
                reasons.append((match[1] or match[2]).strip())
            if on_line is not None:
                on_line(line)
        code = process.wait()
    if code:
        reason = _telling(reasons) or f"pip ended with {code}"
        raise ToolchainError(f"{what}: {reason}", f"pip's whole output is in {log}")


def _telling(reasons: list[str]) -> str | None:
    """Return the first reason that is not pip's talk about a process of its own."""
    own = ("subprocess-exited", "failed building", "failed to build", "could not build")
    telling = [reason for reason in reasons if not reason.lower().startswith(own)]
    return next(iter(telling or reasons), None)


@contextmanager
def _process(
    command: Sequence[str], environment: Mapping[str, str] | None
) -> Iterator[subprocess.Popen[str]]:
    """Start a process group that ends with this block, however the block ends."""
    with (
        _ended_by_sigterm(),
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **(environment or {})},
            start_new_session=True,  # compilers are its grandchildren: one group to end
        ) as process,
    ):
        try:
            yield_processors(process.pid, niceness=os.getpriority(os.PRIO_PROCESS, 0))
            yield process
        finally:
            if process.poll() is None:
                _end(process)


def yield_processors(leader: int, *, niceness: int) -> None:
    """Make a whole session as nice as it was asked for.

    Linux shares the processors among sessions first (autogroups), and niceness counts only within
    one: a compiler in a session of its own takes half of them from a training, however nice it is.
    """
    if niceness > 0:
        with suppress(OSError):
            Path(f"/proc/{leader}/autogroup").write_text(str(niceness), encoding="ascii")


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that what it started is ended too."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
