"""Notices that a process of a running stage stands still, or is gone while its launcher waits."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from ftc_runtime.heartbeat import FOLDER, Beat, born, process_fields, read_beats

LOOK_SECONDS = 1.0
GONE_SECONDS = 5.0
"""A launcher that notices by itself has so long to tell of it in its own words."""

SUSPENDED_SECONDS = 30.0
"""After so long without a look it was us who stood still, and everything else maybe too."""

STATES = {
    "Z": "gone",
    "T": "stopped by a signal",
    "t": "stopped by a debugger",
    "D": "waiting for a disk",
}
"""Of /proc/PID/stat, those that explain why nothing moves."""


@dataclass(slots=True)
class _Seen:
    beat: Beat
    since: float
    """When this beat was seen first, on our own clock."""
    gone_since: float | None = None


class Watch:
    """Looks at the heartbeats under one stage's working folder."""

    def __init__(self, work: Path) -> None:
        """Nothing of an earlier try is looked at."""
        shutil.rmtree(work / FOLDER, ignore_errors=True)
        self._work = work
        self._seen: dict[int, _Seen] = {}
        self._looked = time.monotonic()

    def fault(self) -> str | None:
        """Return what is wrong with a rank, by name, last step and time; None if all is well."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return None
        suspended = now - self._looked > SUSPENDED_SECONDS
        self._looked = now
        for beat in read_beats(self._work):
            seen = self._seen.get(beat.rank)
            if seen is None or seen.beat != beat or suspended:
                self._seen[beat.rank] = _Seen(beat, now)
        return self._gone(now) or self._stalled(now)

    def _gone(self, now: float) -> str | None:
        for seen in self._seen.values():
            if seen.beat.ended or born(seen.beat.pid) == seen.beat.born:
                continue
            seen.gone_since = seen.gone_since or now
            if now - seen.gone_since > GONE_SECONDS:
                who = _name(seen.beat)
                return f"{who} is gone, while its launcher still waits for it: {_last(seen.beat)}"
        return None

    def _stalled(self, now: float) -> str | None:
        stalled = [
            seen.beat
            for seen in self._seen.values()
            if seen.beat.watched and now - seen.since > seen.beat.timeout_s
        ]
        if not stalled:
            return None
        # A rank that stands still stops the others, a step later or in the same one: of these the
        # one whose process says why.
        culprit = min(stalled, key=lambda beat: (beat.step, _state(beat) is None, beat.time))
        who, seconds = _name(culprit, _state(culprit)), f"{culprit.timeout_s:g} seconds"
        return f"{who} has ended no step for {seconds}: {_last(culprit)}"


def _name(beat: Beat, state: str | None = None) -> str:
    return f"rank {beat.rank} (process {beat.pid}" + (f", {state})" if state else ")")


def _last(beat: Beat) -> str:
    at = time.strftime("%H:%M:%S", time.localtime(beat.time))
    return f"its last step was {beat.step} of {beat.steps}, at {at}"


def _state(beat: Beat) -> str | None:
    fields = process_fields(beat.pid)
    return STATES.get(fields[0]) if fields else "gone"
