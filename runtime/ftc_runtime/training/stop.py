"""SIGTERM as a wish: the training saves at the end of its step, and ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ftc_runtime import events

UNKNOWN_SECONDS = 30.0


class Stop:
    """Whether the training is to end."""

    def __init__(self) -> None:
        """Nothing is asked yet."""
        self.asked = False
        self.seconds = UNKNOWN_SECONDS
        """How long it takes to end a step and to save, as far as is known by now."""
        self.what = "the first step"
        """What would be saved."""

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Let SIGTERM ask while the block runs, and say how long it will take to obey."""
        before = signal.signal(signal.SIGTERM, self._ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def obey(self) -> None:
        """End this process by the signal that it got, so that its parent is told the truth."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if not self.asked:
            self.asked = True
            events.stopping(self.seconds, self.what)
