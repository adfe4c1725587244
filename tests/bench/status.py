"""How fast `ftc status` starts, against Python itself. All figures are of one run, as ratios."""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measure import FTC, in_folder, ms, say, timed
from pipelines import fill_store, write_project

ROUNDS_OF_BARS = 10
COLD_RATIO = 4.0
CACHED_RATIO, CACHED_MORE_S = 1.5, 0.040


@dataclass(frozen=True, slots=True)
class Bar:
    """One comparison, and whether it is as it has to be."""

    text: str
    kept: bool


def main() -> int:
    """Print the figures; exit 1 if a bar is broken."""
    with tempfile.TemporaryDirectory() as scratch:
        bars = start_up(Path(scratch) / "small")
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


if __name__ == "__main__":
    sys.exit(main())
