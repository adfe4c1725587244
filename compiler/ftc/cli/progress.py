"""How a build is told: one live line on a terminal, plain lines in a pipe, records with --json."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ftc.build.report import Event, StageFailure
from ftc.cli.console import Console
from ftc.cli.stage_lines import stage_line
from ftc.cli.units import bytes_text, duration_text
from ftc.plan.freshness import State
from ftc.plan.stages import Plan, Stage
from ftc.store.locks import Holder

HEARTBEAT_SECONDS = 15.0
"""In a pipe a running stage says how far it is this often."""

LOG_LINES = 20


class Progress:
    """Implements `ftc.build.report.Reporter` on a console."""

    def __init__(self, plan: Plan, console: Console, *, total: int) -> None:
        """*total*: how many stages the targets take, fresh ones included."""
        self._plan = plan
        self._console = console
        self._total = total
        self._ended = 0
        self._latest: dict[str, str] = {}
        """Running stage -> how far it is."""
        self._told_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def stage_waiting(self, stage: Stage, holder: Holder) -> None:
        """Say who builds it already."""
        self._record("waiting", stage, **holder._asdict())
        held = f"{holder.holds}, held by " if holder.holds else ""
        since = time.strftime("%H:%M:%S", time.localtime(holder.since))
        self._console.talk(
            f"  {stage.name}  waits for {held}process {holder.pid} on {holder.host}"
            f" since {since} ({holder.command})"
        )

    def stage_started(self, stage: Stage, state: State) -> None:
        """Say what starts and why."""
        why = stage_line(self._plan, state).why()
        self._record("started", stage, why=why)
        self._told_at[stage.name] = time.monotonic()
        self._latest[stage.name] = ""
        self._console.talk(f"> {stage.name}" + (f"  {why}" if why else ""), style="bold")

    def stage_event(self, stage: Stage, event: Event) -> None:
        """Show how far a stage is."""
        match event.get("event"):
            case "warning":
                self._record("warning", stage, text=event["text"])
                self._console.talk(f"  {stage.name}  warning: {event['text']}", style="yellow")
            case "stopping":
                self._record("stopping", stage, what=event["what"], seconds=event["seconds"])
                self._console.talk(
                    f"  {stage.name}  saves {event['what']} before it ends,"
                    f" in about {duration_text(event['seconds'])}"
                )
            case "progress":
                self._show(stage, progress_text(event))
            case "phase":
                self._show(stage, str(event["text"]))

    def stage_restored(self, stage: Stage, origin: str) -> None:
        """Say that no work was needed."""
        self._end(stage)
        self._record("restored", stage, origin=origin)
        self._console.talk(f"{self._count()} {stage.name}  taken from {origin}", style="green")

    def stage_finished(self, stage: Stage, seconds: float, facts: Mapping[str, Any]) -> None:
        """Say how long it took, and what it says of itself."""
        self._end(stage)
        self._record("finished", stage, seconds=round(seconds, 3), facts=dict(facts))
        told = "  ".join(
            f"{name.replace('_', ' ')} {_number(value)}" for name, value in facts.items()
        )
        line = f"{self._count()} {stage.name}  {seconds:.1f} s" + (f"  {told}" if told else "")
        self._console.talk(line, style="green")

    def stage_failed(self, stage: Stage, failure: StageFailure) -> None:
        """Say what went wrong, the last lines of the log, and what to do."""
        self._end(stage)
        log = str(failure.log) if failure.log else None
        self._record("failed", stage, message=failure.message, help=failure.hint, log=log)
        if self._console.json:
            return
        if failure.log is not None and failure.log.is_file():
            lines = failure.log.read_text(encoding="utf-8", errors="replace").splitlines()
            for line in lines[-LOG_LINES:]:
                self._console.talk(f"  | {line}", style="dim")
        self._console.error("stage-failed", f"{stage.name}: {failure.message}", failure.hint)
        if log is not None:
            self._console.talk(f" = log: {log}")

    def up_to_date(self, stages: Sequence[Stage]) -> None:
        """Say nothing of stages that had nothing to do: the command's last line counts them."""
        self._record_all(stages)

    def _show(self, stage: Stage, text: str) -> None:
        with self._lock:
            self._latest[stage.name] = text
            if self._console.live:
                rows = [f"{name}  {latest}" for name, latest in self._latest.items()]
                self._console.show_live("  " + " | ".join(rows))
                return
            now = time.monotonic()
            if now - self._told_at.setdefault(stage.name, now) >= HEARTBEAT_SECONDS:
                self._told_at[stage.name] = now
                self._console.talk(f"  {stage.name}  {text}")

    def _end(self, stage: Stage) -> None:
        with self._lock:
            self._latest.pop(stage.name, None)
            self._ended += 1

    def _count(self) -> str:
        return f"[{self._ended}/{self._total}]"

    def _record(self, event: str, stage: Stage, **values: Any) -> None:
        if self._console.json:
            self._console.records([{"type": event, "stage": stage.name, **values}])

    def _record_all(self, stages: Sequence[Stage]) -> None:
        for stage in stages:
            self._record("fresh", stage)


def progress_text(event: Event) -> str:
    """Return `step 12/60  loss 1.83  1.2 GiB  4.1k tok/s  ETA 20s`."""
    values = dict(event["values"])
    parts = [f"{event['unit']} {event['done']}/{event['total']}"]
    speed, seconds = values.pop("tokens_per_second", None), values.pop("eta_s", None)
    memory = values.pop("memory_bytes", None)
    parts += [f"{name.replace('_', ' ')} {_number(value)}" for name, value in values.items()]
    if memory is not None:
        parts.append(bytes_text(int(memory)))
    if speed is not None:
        parts.append(f"{_thousands(float(speed))} tok/s")
    if seconds is not None:
        parts.append(f"ETA {duration_text(float(seconds))}")
    return "  ".join(parts)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _thousands(value: float) -> str:
    return f"{value / 1000:.1f}k" if value >= 1000 else f"{value:.0f}"
