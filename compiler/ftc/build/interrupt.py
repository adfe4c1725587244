"""Ctrl-C and SIGTERM: once asks everything to end, twice ends it at once."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING_SECONDS = 12.0
"""How long processes may take to end once they were asked: the shim's grace and a little more."""


class Interrupt:
    """Whether the build is to end. Read by every thread that waits for something."""

    def __init__(self) -> None:
        """Nothing is asked yet."""
        self._asked = threading.Event()
        self._insisted = threading.Event()
        self._raises = False
        self._until = 0.0

    def ask(self) -> None:
        """Ask for the end; asking again insists on it."""
        (self._insisted if self._asked.is_set() else self._asked).set()

    def asked(self) -> bool:
        """Say whether everything is to end."""
        return self._asked.is_set()

    def insisted(self) -> bool:
        """Say whether it is to end without a chance to save anything."""
        return self._insisted.is_set()

    def wait_until(self, moment: float) -> None:
        """Let the processes have until then to save what they do, by the monotonic clock."""
        self._until = max(self._until, moment)

    def is_over(self, asked_at: float) -> bool:
        """Say whether all processes should be gone by now."""
        return time.monotonic() > max(self._until, asked_at) + ENDING_SECONDS

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Let SIGINT and SIGTERM ask while the block runs. Outside the main thread they do not."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.getsignal(number)
            for number in (signal.SIGINT, signal.SIGTERM)
            # In the background of a script SIGINT is ignored, and that is to stay so.
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        for number in before:
            signal.signal(number, self._on_signal)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Let the first signal raise KeyboardInterrupt in the block, where doit waits."""
        try:
            self._raises = True
            yield
        finally:
            self._raises = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.ask()
        if self._raises:
            self._raises = False
            raise KeyboardInterrupt
