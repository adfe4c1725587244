"""How long it takes to find that nothing is to do: ftc beside DVC, Snakemake and doit.

    python tests/bench/compare.py

Each tool gets the same stages with everything built. All figures are of one run, the tools in
turns, and the best of several rounds. The others are installed into an environment of their own;
ftc does not depend on them. The table goes to docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from measure import FTC, TOKENISING, in_folder, ms, run, say, section, timed, with_section
from pipelines import fill_store, write_project
from rivals import jobs_of, write_doit, write_dvc, write_files, write_snakemake

REPOSITORY = Path(__file__).parent.parent.parent
PAGE = REPOSITORY / "docs" / "benchmarks.md"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ftc" / "bench"
RIVALS = {"DVC": "dvc==3.67.1", "Snakemake": "snakemake==9.27.1", "doit": "doit==0.37.0"}
SIZES = (10, 100, 1000)
LEAST_RATIO = 10.0
"""How many times faster than DVC a status of a thousand stages has to be."""
SETTLED_SECONDS = 2.5
"""Files younger than that are not trusted to be unchanged, by ftc as by git."""

PAGE_TEXT = """\
# Benchmarks

How long each tool takes to find that nothing is to do. Written by `python tests/bench/compare.py`.

Chains of ten stages (dataset, tokens, sft, merge, gguf, quantize, two of predict, two of score),
all built. Every figure is the wall time of a whole command in ms, the best of {rounds}, all from
one run in which the tools took turns; in brackets, how many times ftc's time that is. Ratios hold
on other machines; milliseconds do not.

{machine}

## Status

| stages | `ftc status` | `dvc status` | `snakemake --dry-run` | `doit list --status` |
|---:|---:|---:|---:|---:|
{status}

## A build with nothing to do

| stages | `ftc build` | `dvc repro` | `snakemake` | `doit run` |
|---:|---:|---:|---:|---:|
{build}

- doit is what ftc schedules with; by itself it does less. It compares what its database remembers,
  explains nothing, and after a `kill -9` it takes a half-written target for a whole one.
- Where ftc looks at a folder with a file in it, the others look at one file.
- `ftc build` also prints the scores of every eval and points `out/` to each result.
- DVC's lock was generated, since DVC itself needs minutes for a first run of this size.
"""


@dataclass(frozen=True, slots=True)
class Tool:
    """Two commands that find nothing to do, and where they do that."""

    name: str
    folder: Path
    status: list[str]
    build: list[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """The best times of one size, by tool, in seconds; ftc's first."""

    stages: int
    status: list[float]
    build: list[float]


def main(argv: Sequence[str]) -> int:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="how many stages")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--environment", type=Path, default=CACHE / "rivals", help="where the others are installed"
    )
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args(argv)
    programs = install(arguments.environment)
    rows = []
    for stages in arguments.sizes:
        with tempfile.TemporaryDirectory() as scratch:
            rows.append(measure(Path(scratch), stages, programs=programs, rounds=arguments.rounds))
    arguments.page.parent.mkdir(exist_ok=True)
    text = page(rows, rounds=arguments.rounds)
    if arguments.page.exists() and (kept := section(arguments.page.read_text(), TOKENISING)):
        text = with_section(text, TOKENISING, kept)
    arguments.page.write_text(text, encoding="utf-8")
    say(f"written: {arguments.page}")
    ratio = rows[-1].status[1] / rows[-1].status[0]
    held = ratio >= LEAST_RATIO or rows[-1].stages < max(SIZES)
    say(f"{'kept  ' if held else 'BROKEN'}  {ratio:.1f} times faster than dvc status, at the end")
    return 0 if held else 1


def install(environment: Path) -> Path:
    """Return the folder of the others' programs, installed there if they are not."""
    programs = environment / "bin"
    if not all((programs / name.lower()).exists() for name in RIVALS):
        say(f"installing {', '.join(RIVALS.values())} into {environment}")
        run([sys.executable, "-m", "venv", str(environment)], Path.cwd())
        run([str(programs / "pip"), "install", "--quiet", *RIVALS.values()], Path.cwd())
    return programs


def measure(scratch: Path, stages: int, *, programs: Path, rounds: int) -> Row:
    """Prepare every tool, and let them take turns after a round that is not counted."""
    say(f"{stages} stages: writing them, and what a build of them leaves")
    tools = prepare(scratch, stages, programs=programs)
    time.sleep(SETTLED_SECONDS)
    status: list[list[float]] = [[] for _ in tools]
    build: list[list[float]] = [[] for _ in tools]
    for _ in range(rounds + 1):
        for number, tool in enumerate(tools):
            status[number].append(timed(tool.status, tool.folder, tool.environment))
            build[number].append(timed(tool.build, tool.folder, tool.environment))
    for number, tool in enumerate(tools):
        best = f"{ms(min(status[number][1:]))}, build {ms(min(build[number][1:]))}"
        say(f"  {tool.name}: status {best}")
    best_of = [[min(times[1:]) for times in kind] for kind in (status, build)]
    return Row(stages, *best_of)


def prepare(scratch: Path, stages: int, *, programs: Path) -> list[Tool]:
    """Write the stages for every tool, and see that it finds them up to date."""
    folders = [scratch / name for name in ("ftc", "dvc", "snakemake", "doit")]
    ours, *theirs = folders
    write_project(ours, stages=stages)
    plan = in_folder(fill_store, ours)
    jobs = jobs_of(plan)
    for folder in theirs:
        write_files(folder, plan)
    dvc, snakemake, doit = (str(programs / folder.name) for folder in theirs)
    quiet = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(scratch / "site")}
    write_dvc(theirs[0], jobs, dvc=dvc, environment=quiet)
    write_snakemake(theirs[1], jobs, snakemake=snakemake)
    write_doit(theirs[2], jobs, doit=doit)
    one = ["--cores", "1"]
    tools = [
        Tool("ftc", folders[0], [*FTC, "status", "--check"], [*FTC, "build"]),
        Tool("DVC", folders[1], [dvc, "status"], [dvc, "repro"], quiet),
        Tool("Snakemake", folders[2], [snakemake, *one, "--dry-run"], [snakemake, *one]),
        Tool("doit", folders[3], [doit, "list", "--status", "--all"], [doit, "run"]),
    ]
    for tool, words in zip(tools, UP_TO_DATE, strict=True):
        for command, word in zip((tool.status, tool.build), words, strict=True):
            said = run(command, tool.folder, tool.environment)
            assert word in said.stdout + said.stderr, (command, said.stdout[-2000:], said.stderr)
    return tools


UP_TO_DATE = [
    ("up to date", "up to date ("),
    ("Data and pipelines are up to date.", "Data and pipelines are up to date."),
    ("Nothing to be done", "Nothing to be done"),
    ("U stage:", "-- stage:"),
]
"""What each tool says of stages with nothing to do, to status and to build."""


def page(rows: Sequence[Row], *, rounds: int) -> str:
    """Return the text of docs/benchmarks.md."""
    return PAGE_TEXT.format(
        rounds=rounds,
        machine=machine(),
        status="\n".join(_line(row.stages, row.status) for row in rows),
        build="\n".join(_line(row.stages, row.build) for row in rows),
    )


def machine() -> str:
    """Return what the figures were taken on and with, without its name."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    versions = ", ".join(wanted.replace("==", " ") for wanted in RIVALS.values())
    load = os.getloadavg()[1]
    return (
        f"Taken on {len(os.sched_getaffinity(0))} processors ({cpu}), Python "
        f"{platform.python_version()}, {versions}. Other work was going on meanwhile: "
        f"the load was {load:.1f}."
    )


def _line(stages: int, times: Sequence[float]) -> str:
    ours, *theirs = times
    cells = [f"{ours * 1000:.0f}"]
    cells += [f"{other * 1000:.0f} ({other / ours:.1f}x)" for other in theirs]
    return f"| {' | '.join([f'{stages:,}', *cells])} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
