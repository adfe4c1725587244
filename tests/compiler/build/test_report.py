"""Reporters are kept apart from the build, and called one at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from ftc.build.report import Guarded
from ftc.plan.stages import Stage
from toy_project import Diary


class Slow(Diary):
    """Notices when it is called twice at once; fails when it is told of nothing."""

    inside = 0
    overlapped = False

    def up_to_date(self, stages: Sequence[Stage]) -> None:
        """Take a while."""
        self.inside += 1
        self.overlapped = self.overlapped or self.inside > 1
        time.sleep(0.01)
        self.inside -= 1
        if not stages:
            raise ZeroDivisionError("first" if not self.lines else "later")


def test_calls_of_several_threads_come_one_at_a_time() -> None:
    """A console need not lock."""
    slow = Slow()
    guarded = Guarded(slow)
    threads = [threading.Thread(target=guarded.up_to_date, args=([],)) for _ in range(10)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not slow.overlapped


def test_the_first_fault_is_kept_and_none_is_raised() -> None:
    """The build goes on; whoever started it decides."""
    slow = Slow()
    guarded = Guarded(slow)

    guarded.up_to_date([])
    slow.lines.append("something")
    guarded.up_to_date([])

    assert repr(guarded.fault) == "ZeroDivisionError('first')"
