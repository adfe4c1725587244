"""How fast `ftc status` is: beside `dvc status` on a pipeline of the same size, and by itself.

    python tests/bench/status.py --stages 1000

All figures are taken in one run, the two tools in turns, and compared as ratios. DVC is installed
into an environment of its own in the cache folder; ftc does not depend on it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipelines import fill_store, write_dvc, write_project

Result = TypeVar("Result")

DVC = "dvc==3.67.1"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ftc" / "bench"
FTC = [sys.executable, "-P", "-m", "ftc"]
ROUNDS_OF_BARS = 10
LEAST_RATIO = 10.0
COLD_RATIO = 4.0
CACHED_RATIO, CACHED_MORE_S = 1.5, 0.040


@dataclass(frozen=True, slots=True)
class Bar:
    """One comparison, and whether it is as it has to be."""

    text: str
    kept: bool


def main(argv: Sequence[str]) -> int:
    """Print the figures; exit 1 if a bar is broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stages", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5, help="of ftc and dvc in turns")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where DVC is installed")
    parser.add_argument("--no-dvc", action="store_true", help="only the start-up bars")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        bars = start_up(Path(scratch) / "small")
        if not arguments.no_dvc:
            dvc = install_dvc(arguments.cache)
            bars.append(
                beside_dvc(Path(scratch), dvc=dvc, stages=arguments.stages, rounds=arguments.rounds)
            )
    for bar in bars:
        say(f"{'kept  ' if bar.kept else 'BROKEN'}  {bar.text}")
    return 0 if all(bar.kept for bar in bars) else 1


def start_up(folder: Path) -> list[Bar]:
    """Measure a project of one chain against Python's own start, best of ten."""
    write_project(folder, stages=10)
    in_folder(fill_store, folder)
    python, status = [sys.executable, "-c"], [*FTC, "status", "--check"]
    times: list[tuple[float, ...]] = []
    for _ in range(ROUNDS_OF_BARS):
        shutil.rmtree(folder / ".ftc" / "plans")
        times.append(
            (
                timed([*python, "import pydantic, yaml"], folder),
                timed(status, folder),
                timed([*python, "import argparse, json"], folder),
                timed(status, folder),
            )
        )
    heavy, cold, light, cached = map(min, zip(*times, strict=True))
    most = CACHED_RATIO * light + CACHED_MORE_S
    return [
        Bar(
            f"ftc status, plan cached: {ms(cached)}; at most {ms(most)}, "
            f"which is {CACHED_RATIO} x {ms(light)} (import argparse, json) + {ms(CACHED_MORE_S)}",
            cached <= most,
        ),
        Bar(
            f"ftc status, cold: {ms(cold)}, {cold / heavy:.1f} x {ms(heavy)} "
            f"(import pydantic, yaml); at most {COLD_RATIO} x",
            cold <= COLD_RATIO * heavy,
        ),
    ]


def beside_dvc(folder: Path, *, dvc: Path, stages: int, rounds: int) -> Bar:
    """Measure both on the same stages, in turns, after one round that is not counted."""
    say(f"{stages} stages: writing them, and what a build of them leaves")
    ours, theirs = folder / "ftc", folder / "dvc"
    write_project(ours, stages=stages)
    plan = in_folder(fill_store, ours)
    theirs.mkdir()
    quiet = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder / "site")}
    run([str(dvc), "init", "--no-scm", "--quiet"], theirs, quiet)
    write_dvc(theirs, plan)
    ftc_s, dvc_s = [], []
    for number in range(rounds + 1):
        ftc_s.append(timed([*FTC, "status", "--check"], ours))
        said = run([str(dvc), "status"], theirs, quiet)
        assert said.stdout == "Data and pipelines are up to date.\n", said.stdout[:2000]
        dvc_s.append(timed([str(dvc), "status"], theirs, quiet))
        if number:
            say(f"  round {number}: ftc {ms(ftc_s[-1])}, dvc {ms(dvc_s[-1])}")
    ftc_median, dvc_median = statistics.median(ftc_s[1:]), statistics.median(dvc_s[1:])
    ratio = dvc_median / ftc_median
    text = (
        f"{len(plan.stages)} stages: ftc status {ms(ftc_median)}, dvc status {ms(dvc_median)} "
        f"({DVC}); {ratio:.1f} times faster, at least {LEAST_RATIO:.0f}"
    )
    return Bar(text, ratio >= LEAST_RATIO)


def install_dvc(cache: Path) -> Path:
    """Return the command of DVC, installed into its own environment once."""
    folder = cache / DVC
    command = folder / "bin" / "dvc"
    if not command.exists():
        say(f"installing {DVC} into {folder}")
        run([sys.executable, "-m", "venv", str(folder)], Path.cwd())
        run([str(folder / "bin" / "pip"), "install", "--quiet", DVC], Path.cwd())
    return command


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
    """Run a command that must end well."""
    without_store = {name: value for name, value in os.environ.items() if name != "FTC_STORE"}
    ended = subprocess.run(
        command, cwd=folder, env={**without_store, **(environment or {})},
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
