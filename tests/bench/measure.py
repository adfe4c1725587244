"""What every benchmark needs: commands that must end well, and how long they took."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

TOKENISING = "## Tokenising"
"""The heading of what tokens.py writes, which compare.py leaves alone."""

Result = TypeVar("Result")

NOT_PASSED_ON = ("FTC_STORE", "PYTHONDONTWRITEBYTECODE")

FTC = [sys.executable, "-P", "-m", "ftc"]


def timed(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> float:
    """Run a command that must end well; return its wall seconds."""
    started = time.perf_counter()
    run(command, folder, environment)
    return time.perf_counter() - started


def run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command that must end well, with a store and bytecode of its own as users have them."""
    ours = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
    ended = subprocess.run(
        command, cwd=folder, env={**ours, **(environment or {})},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ended.returncode:
        raise SystemExit(f"{' '.join(command)}\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    return ended


def in_folder(make: Callable[[Path], Result], folder: Path) -> Result:
    """Call *make*, which changes the working folder, and come back."""
    here = Path.cwd()
    kept = os.environ.pop("FTC_STORE", None)
    try:
        return make(folder)
    finally:
        os.chdir(here)
        if kept is not None:
            os.environ["FTC_STORE"] = kept


def ms(seconds: float) -> str:
    """Return a time for people."""
    return f"{seconds * 1000:.0f} ms"


def say(text: str) -> None:
    """Write one line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def with_section(page: str, heading: str, text: str) -> str:
    """Return a page with another text under one of its headings, which is put at its end if new."""
    before, found, rest = page.partition(f"\n{heading}\n")
    _, following, after = rest.partition("\n## ") if found else ("", "", "")
    return f"{before.rstrip()}\n\n{heading}\n\n{text.strip()}\n" + (following + after)


def section(page: str, heading: str) -> str:
    """Return the text under a heading of a page, nothing if it has none."""
    return page.partition(f"\n{heading}\n")[2].partition("\n## ")[0].strip()
