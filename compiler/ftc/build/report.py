"""What a build says while it runs. The console, `--json` and the run's own file listen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ftc.plan.freshness import State
from ftc.plan.stages import Stage
from ftc.store.locks import Holder

Event = Mapping[str, Any]
"""A line of `ftc_runtime.events`: `event` says which, and what else is in it."""


@dataclass(frozen=True, slots=True)
class StageFailure:
    """Why a stage has no result, what to do about it, and where its log is if it ran."""

    message: str
    hint: str | None = None
    log: Path | None = None


class Reporter(Protocol):
    """Told of every change of state. Called from several threads, one call at a time."""

    def stage_waiting(self, stage: Stage, holder: Holder) -> None:
        """Another process builds the same key, or has a GPU that the stage needs; we wait."""

    def stage_started(self, stage: Stage, state: State) -> None:
        """The stage's process is about to start. *state* says why: its changes, else its note."""

    def stage_event(self, stage: Stage, event: Event) -> None:
        """The running stage said something."""

    def stage_restored(self, stage: Stage, origin: str) -> None:
        """No work was needed: the result was in *origin*, the store or a remote's name."""

    def stage_finished(self, stage: Stage, seconds: float, facts: Mapping[str, Any]) -> None:
        """The stage ran and its result is published. *facts* are what its process told."""

    def stage_failed(self, stage: Stage, failure: StageFailure) -> None:
        """The stage has no result."""

    def up_to_date(self, stages: Sequence[Stage]) -> None:
        """Nothing was to do for these. Said once, at the end."""


class Guarded:
    """Hands every call on, one at a time, and lets no fault of a listener end the build."""

    def __init__(self, reporter: Reporter) -> None:
        """*reporter* gets the calls; its first fault is kept in `fault`."""
        self._reporter = reporter
        self._lock = threading.Lock()
        self.fault: Exception | None = None

    def stage_waiting(self, stage: Stage, holder: Holder) -> None:
        """See `Reporter`."""
        self._tell(lambda: self._reporter.stage_waiting(stage, holder))

    def stage_started(self, stage: Stage, state: State) -> None:
        """See `Reporter`."""
        self._tell(lambda: self._reporter.stage_started(stage, state))

    def stage_event(self, stage: Stage, event: Event) -> None:
        """See `Reporter`."""
        self._tell(lambda: self._reporter.stage_event(stage, event))

    def stage_restored(self, stage: Stage, origin: str) -> None:
        """See `Reporter`."""
        self._tell(lambda: self._reporter.stage_restored(stage, origin))

    def stage_finished(self, stage: Stage, seconds: float, facts: Mapping[str, Any]) -> None:
        """See `Reporter`."""
        self._tell(lambda: self._reporter.stage_finished(stage, seconds, facts))

    def stage_failed(self, stage: Stage, failure: StageFailure) -> None:
        """See `Reporter`."""
        self._tell(lambda: self._reporter.stage_failed(stage, failure))

    def up_to_date(self, stages: Sequence[Stage]) -> None:
        """See `Reporter`."""
        self._tell(lambda: self._reporter.up_to_date(stages))

    def _tell(self, call: Callable[[], None]) -> None:
        with self._lock:
            try:
                call()
            except Exception as error:
                self.fault = self.fault or error
