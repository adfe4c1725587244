"""The file that tells of one build: every change of state, as JSON lines, to be read later."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ftc.build.report import Event, Reporter, StageFailure
from ftc.plan.freshness import State
from ftc.plan.stages import Stage
from ftc.store.locks import Holder
from ftc.store.store import Store


class RunFile:
    """A reporter that writes and hands on. A build with nothing to do leaves no file.

    Progress is not in it: `Store.events` keeps what each stage said.
    """

    def __init__(self, store: Store, reporter: Reporter) -> None:
        """The file's name begins with the time, so that names sort as the builds did."""
        now = time.time()
        begun = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now))
        thousandths = int(now * 1000) % 1000
        self.file = store.run_file(f"{begun}.{thousandths:03}Z-{os.urandom(3).hex()}")
        self._reporter = reporter

    def stage_waiting(self, stage: Stage, holder: Holder) -> None:
        """See `Reporter`."""
        self._write("waiting", stage, holds=holder.holds, pid=holder.pid, host=holder.host)
        self._reporter.stage_waiting(stage, holder)

    def stage_started(self, stage: Stage, state: State) -> None:
        """See `Reporter`."""
        why = [change.words() for change in state.changes] or [state.note or ""]
        self._write("started", stage, key=state.key, why=why)
        self._reporter.stage_started(stage, state)

    def stage_event(self, stage: Stage, event: Event) -> None:
        """See `Reporter`."""
        self._reporter.stage_event(stage, event)

    def stage_restored(self, stage: Stage, origin: str) -> None:
        """See `Reporter`."""
        self._write("restored", stage, origin=origin)
        self._reporter.stage_restored(stage, origin)

    def stage_finished(self, stage: Stage, seconds: float, facts: Mapping[str, Any]) -> None:
        """See `Reporter`."""
        self._write("finished", stage, seconds=round(seconds, 3), facts=dict(facts))
        self._reporter.stage_finished(stage, seconds, facts)

    def stage_failed(self, stage: Stage, failure: StageFailure) -> None:
        """See `Reporter`."""
        self._write("failed", stage, message=failure.message, hint=failure.hint)
        self._reporter.stage_failed(stage, failure)

    def up_to_date(self, stages: Sequence[Stage]) -> None:
        """See `Reporter`."""
        self._reporter.up_to_date(stages)

    def _write(self, event: str, stage: Stage, **values: Any) -> None:
        line = {"time": round(time.time(), 3), "event": event, "stage": stage.name, **values}
        with suppress(OSError):  # a full disk must not keep the user from hearing of it
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
