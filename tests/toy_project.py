"""A project of toy stages, to test the engine with real processes and a real store."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftc.build.engine import Outcome, build
from ftc.build.report import Event, StageFailure
from ftc.lockfile.lock import Lock
from ftc.plan.freshness import Freshness, State
from ftc.plan.locked import updated
from ftc.plan.sources import Sources
from ftc.plan.stages import Edge, OutsideSource, Plan, Stage
from ftc.store.locks import Holder
from ftc.store.statcache import StatCache
from ftc.store.store import Store
from ftc.store.supply import Supply

TOY_STAGE = Path(__file__).with_name("toy_stage.py")


def toy_command(spec: Path) -> list[str]:
    """Return the command of a toy stage."""
    return [sys.executable, "-P", str(TOY_STAGE), str(spec)]


@dataclass
class Diary:
    """A reporter that keeps what it was told, in words."""

    lines: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    failures: list[StageFailure] = field(default_factory=list)

    def stage_waiting(self, stage: Stage, holder: Holder) -> None:
        """Keep it."""
        held = f"{holder.holds} of " if holder.holds else ""
        self.lines.append(f"waiting {stage.name} for {held}{holder.pid}")

    def stage_started(self, stage: Stage, state: State) -> None:
        """Keep it."""
        self.lines.append(f"started {stage.name}")

    def stage_event(self, stage: Stage, event: Event) -> None:
        """Keep it."""
        self.events.append(event)

    def stage_restored(self, stage: Stage, origin: str) -> None:
        """Keep it."""
        self.lines.append(f"restored {stage.name}")

    def stage_finished(self, stage: Stage, seconds: float, facts: Mapping[str, Any]) -> None:
        """Keep it."""
        self.lines.append(f"finished {stage.name}")

    def stage_failed(self, stage: Stage, failure: StageFailure) -> None:
        """Keep it."""
        self.lines.append(f"failed {stage.name}: {failure.message}")
        self.failures.append(failure)

    def up_to_date(self, stages: Sequence[Stage]) -> None:
        """Keep it."""
        if stages:
            self.lines.append("up to date " + " ".join(stage.name for stage in stages))


@dataclass
class ToyProject:
    """Stages in a folder, with a store beside them and a journal of what ran."""

    root: Path
    stages: dict[str, Stage] = field(default_factory=dict)
    shared: Path | None = None
    """The store that it shares with others, if it does."""

    @property
    def store(self) -> Store:
        """Return the project's store."""
        return Store(self.shared or self.root / ".ftc")

    def stage(
        self,
        name: str,
        *,
        text: str = "",
        aside: str = "",
        inputs: Sequence[str] = (),
        outputs: Mapping[str, str] | None = None,
        source: Path | None = None,
        devices: int = 0,
        **behaviour: Any,
    ) -> Stage:
        """Add a stage, or put another in its place. *inputs*: `stage` or `stage>output`."""
        edges = [given.rsplit(">", 1) for given in inputs]
        self.stages[name] = Stage(
            name=name,
            kind="toy",
            version=1,
            params={"journal": str(self.root / "journal"), "text": text, **behaviour},
            semantic={"text": text, "aside": aside},
            defaults={},
            inputs={
                f"role.{number}": Edge(edge[0], edge[1] if len(edge) > 1 else "rows")
                for number, edge in enumerate(edges)
            },
            outputs=dict(outputs or {"rows": "rows"}),
            libraries={},
            reproduces="exact",
            lines={},
            source=OutsideSource(source.name, path=source) if source else None,
            devices=devices,
            resumes="steps" in behaviour,
        )
        return self.stages[name]

    def freshness(self) -> Freshness:
        """Return a new walk, which knows nothing of earlier ones."""
        plan = Plan("toy", self.root, self.root / "project.yaml", dict(self.stages), {})
        return Freshness(plan, self.store, Sources(self.root, StatCache(self.store)), "toy")

    def build(
        self,
        *names: str,
        diary: Diary | None = None,
        supply: Supply | None = None,
        **options: Any,
    ) -> Outcome:
        """Build the named stages, or all."""
        freshness = self.freshness()
        freshness.supply = supply
        return build(
            freshness,
            names or list(self.stages),
            reporter=diary or Diary(),
            command=toy_command,
            **options,
        )

    def lock(self) -> Lock:
        """Return the ftc.lock that a build of everything would write."""
        freshness = self.freshness()
        states = freshness.look()
        return updated(Lock(), freshness.plan, states, states, freshness.sources)

    def statuses(self) -> dict[str, str]:
        """Return how each stage stands."""
        return {name: state.status.value for name, state in self.freshness().look().items()}

    def ran(self) -> list[str]:
        """Return the stages that have run since this was asked last, in order."""
        journal = self.root / "journal"
        lines = journal.read_text().split("\n")[:-1] if journal.exists() else []
        journal.unlink(missing_ok=True)
        return lines

    def digest(self, stage: str, output: str = "rows") -> str:
        """Return the digest of an output that is there."""
        record = self.freshness().look()[stage].record
        assert record is not None
        return record.outputs[output].digest

    def build_elsewhere(self, **options: Any) -> subprocess.Popen[str]:
        """Start a process that builds everything, prints the diary and exits with the code."""
        folder = Path(__file__).parent
        file = self.root / f"project-{os.urandom(4).hex()}.pickle"
        file.write_bytes(pickle.dumps((self, options)))
        return subprocess.Popen(
            [sys.executable, "-c", "import toy_project; toy_project.main()", str(file)],
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdout=subprocess.PIPE,
            text=True,
        )


def main() -> None:
    """Build the project that lies pickled at the path in the arguments."""
    project, options = pickle.loads(Path(sys.argv[1]).read_bytes())
    diary = Diary()
    outcome = project.build(diary=diary, **options)
    sys.stdout.write("\n".join(diary.lines) + "\n")
    sys.exit(outcome.code)


def wait_until(condition: Callable[[], object], *, seconds: float = 20.0) -> float:
    """Wait until the condition holds, and return how long that took."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"not so after {seconds} s")
        time.sleep(0.02)
    return time.monotonic() - started


def is_alive(process: int) -> bool:
    """Say whether a process runs; a zombie does not."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"
