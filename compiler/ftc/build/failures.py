"""Why a stage's process ended badly, and what happens when it is built again."""

from __future__ import annotations

import signal
from pathlib import Path

from ftc.build.report import StageFailure
from ftc.build.supervise import Ended
from ftc.plan.stages import Stage
from ftc_runtime.manifest import newest


def failure_of(ended: Ended, log: Path) -> StageFailure:
    """Say why the process ended badly: in its own words, else by its exit code."""
    if ended.complaint is not None:
        message = str(ended.complaint.get("message"))
        hint = ended.complaint.get("hint")
        return StageFailure(message, str(hint) if hint else None, log)
    number = ended.code - 128 if ended.code > 128 else -ended.code
    if number not in signal.valid_signals():
        return StageFailure(f"its process ended with code {ended.code}", None, log)
    name = signal.Signals(number).name
    if number != signal.SIGKILL:
        return StageFailure(f"its process was ended by {name}", None, log)
    return StageFailure(
        f"its process was ended by {name}, with {ended.peak_bytes / 2**30:.1f} GiB in memory",
        "most often that is the kernel, out of memory: `dmesg` tells",
        log,
    )


def with_way_on(failure: StageFailure, stage: Stage, scratch: Path) -> StageFailure:
    """Return the failure with the command that goes on from what was saved, if anything was."""
    saved = newest(scratch) if stage.resumes else None
    if saved is None:
        return failure
    way_on = f"`ftc build {stage.name}` goes on from {saved}"
    hint = f"{failure.hint}; then {way_on}" if failure.hint else way_on
    return StageFailure(failure.message, hint, failure.log)
