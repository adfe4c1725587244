"""doit as the scheduler: order, threads and what a failure stops. The only module that imports it.

doit decides nothing: each task asks *is_fresh*, and its database is memory that nobody reads. It
would lose the successes of a killed run, and takes a half-written target for a whole one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doit.control import TaskControl
from doit.dependency import Dependency
from doit.exceptions import TaskFailed
from doit.runner import MThreadRunner
from doit.task import Stream, Task


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do after others. *do* returns whether it worked, and must not raise."""

    name: str
    after: list[str]
    is_fresh: Callable[[], bool]
    do: Callable[[], bool]
    target: Path | None


def run_steps(steps: Sequence[Step], *, threads: int, keep_going: bool) -> None:
    """Do every step that is not fresh, *threads* at once, each after those before it.

    Without *keep_going* nothing new starts after a failure; with it, only what needs the failed
    step is left out.
    """
    # doit's own names may not hold `=` or `*`, ours may: it gets numbers.
    numbers = {step.name: str(number) for number, step in enumerate(steps)}
    control = TaskControl([_task(step, numbers) for step in steps])
    control.process(None)
    runner = MThreadRunner(
        Dependency(_Memory, "unused"),
        _Silent(),
        continue_=keep_going,
        stream=Stream(0),
        # With one too: the main thread only waits then, where a signal can reach it.
        num_process=threads,
    )
    runner.run_all(control.task_dispatcher())


def _task(step: Step, numbers: dict[str, str]) -> Task:
    def act() -> TaskFailed | None:
        return None if step.do() else TaskFailed(step.name, report=False)

    return Task(
        numbers[step.name],
        [act],
        task_dep=[numbers[name] for name in step.after],
        uptodate=[step.is_fresh],
        targets=[str(step.target)] if step.target else [],
        # doit would swap sys.stdout under all threads at once.
        io={"capture": False},
        meta={"stage": step.name},
    )


class _Memory:
    """doit's database, for the time of one run."""

    def __init__(self, name: str, codec: Any, *, module_name: str | None = None) -> None:
        self.name = name
        self._tasks: dict[str, dict[str, Any]] = {}

    def get(self, task: str, key: str) -> Any:
        return self._tasks.get(task, {}).get(key)

    def set(self, task: str, key: str, value: Any) -> None:
        self._tasks.setdefault(task, {})[key] = value

    def in_(self, task: str) -> bool:
        return task in self._tasks

    def remove(self, task: str) -> None:
        self._tasks.pop(task, None)

    def remove_all(self) -> None:
        self._tasks.clear()

    def dump(self) -> None:
        """Nothing outlives the run."""


class _Silent:
    """doit's reporter. Ours is told by the steps themselves, which know more."""

    desc = "nothing"

    def initialize(self, tasks: Any, selected: Any) -> None: ...
    def get_status(self, task: Any) -> None: ...
    def execute_task(self, task: Any) -> None: ...
    def add_success(self, task: Any) -> None: ...
    def add_failure(self, task: Any, fail: Any) -> None: ...
    def skip_uptodate(self, task: Any) -> None: ...
    def skip_ignore(self, task: Any) -> None: ...
    def cleanup_error(self, error: Any) -> None: ...
    def teardown_task(self, task: Any) -> None: ...
    def complete_run(self) -> None: ...

    def runtime_error(self, message: str) -> None:
        """Raise: doit found the tasks to be no graph, which the plan has excluded."""
        raise RuntimeError(message)
