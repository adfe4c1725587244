"""What of the rows' faults ends the `dataset` stage, and what is only warned of."""

from __future__ import annotations

from ftc_runtime import events
from ftc_runtime.bars import breach
from ftc_runtime.data.leakage import Leaks
from ftc_runtime.data.places import Places
from ftc_runtime.errors import StageError
from ftc_runtime.stages.dataset.report import Findings
from ftc_runtime.stages.dataset.spec import FailIf

SHOWN = 10
FAULTS_SHOWN = 5


def check_bars(
    bars: FailIf, findings: Findings, duplicates: Places, leaks: Leaks, *, name: str
) -> None:
    """Hold the rows to what `fail_if` allows.

    Raises:
        StageError: naming each bar that they miss.
    """
    read = findings.read
    faults = "; ".join(findings.first_faults(FAULTS_SHOWN))
    found = [
        breach("dropped", findings.dropped_count, bars.dropped, of=read, where=faults),
        breach(
            "duplicates", duplicates.rows, bars.duplicates, of=read, where=duplicates.named(SHOWN)
        ),
        breach(
            "empty", findings.empty.rows, bars.empty, of=read, where=findings.empty.named(SHOWN)
        ),
        breach(
            "leakage", leaks.count, bars.leakage, of=findings.held_out, where=leaks.named(SHOWN)
        ),
    ]
    breaches = [words for words in found if words]
    if breaches:
        raise StageError(
            f"fail_if does not allow this of {name}:"
            + "".join(f"\n  {words}" for words in breaches),
            "Mend these rows, or allow more in fail_if",
        )


def warn(findings: Findings, leaks: Leaks) -> None:
    """Tell what was left out, and what the holdout cannot measure."""
    if findings.dropped_count:
        events.warning(
            f"{findings.dropped_count} of {findings.read} rows cannot be used: "
            + "; ".join(findings.first_faults(FAULTS_SHOWN))
        )
    if leaks.count:
        events.warning(
            f"{leaks.count} of {findings.held_out} held-out rows are trained: {leaks.named(SHOWN)}"
        )
