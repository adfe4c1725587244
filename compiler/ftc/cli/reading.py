"""How the first reading of weights is told, which takes minutes and runs no stage."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from ftc.cli.console import Console
from ftc.cli.progress import HEARTBEAT_SECONDS
from ftc.cli.workspace import Workspace
from ftc.plan.sources import LOOK_BYTES

LIVE_SECONDS = 0.2


def read_sources(workspace: Workspace, names: Iterable[str], console: Console) -> None:
    """Read what the named stages take from outside, however much that is."""
    sources = [workspace.plan.stages[name].source for name in names]
    workspace.sources.read(
        (source for source in sources if source is not None), told=Reading(console).told
    )


class Reading:
    """Says how much of how much is read: on a terminal live, in a pipe now and then."""

    def __init__(self, console: Console) -> None:
        """Nothing is said before there is much to read."""
        self._console = console
        self._lock = threading.Lock()
        self._next = 0.0

    def told(self, done: int, total: int) -> None:
        """Take note of another piece. Called from several threads."""
        if total <= LOOK_BYTES:
            return
        with self._lock:
            now = time.monotonic()
            if now < self._next and done < total:
                return
            self._next = now + (LIVE_SECONDS if self._console.live else HEARTBEAT_SECONDS)
            self._say(done, total)

    def _say(self, done: int, total: int) -> None:
        if self._console.json:
            self._console.records([{"type": "reading", "done": done, "total": total}])
        text = f"reading weights, once: {done / 1e9:.1f} of {total / 1e9:.1f} GB"
        if self._console.live and done < total:
            self._console.show_live(f"  {text}")
        else:
            self._console.talk(text)
