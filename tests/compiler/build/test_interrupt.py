"""Signals: the first asks, the second insists, and what was before comes back."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from ftc.build.interrupt import Interrupt


def test_the_first_asks_and_the_second_insists() -> None:
    """Neither raises outside the block that wants it."""
    interrupt = Interrupt()

    with interrupt.signals():
        os.kill(os.getpid(), signal.SIGINT)
        first = (interrupt.asked(), interrupt.insisted())
        os.kill(os.getpid(), signal.SIGTERM)
        second = (interrupt.asked(), interrupt.insisted())

    assert (first, second) == ((True, False), (True, True))


def test_the_wait_of_another_library_is_broken_off_once() -> None:
    """doit waits in a queue of its own."""
    interrupt = Interrupt()

    with interrupt.signals():
        with pytest.raises(KeyboardInterrupt), interrupt.raising():
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    assert interrupt.insisted()


def test_handlers_come_back_and_an_ignored_signal_stays_ignored() -> None:
    """A script's background job has SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interrupt = Interrupt()

        with interrupt.signals():
            os.kill(os.getpid(), signal.SIGINT)

        assert not interrupt.asked()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_build_in_another_thread_takes_no_signals() -> None:
    """Only the main thread may."""
    errors: list[BaseException] = []

    def use() -> None:
        try:
            with Interrupt().signals():
                pass
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()

    assert errors == []
