"""llama.cpp, brought here: its converter unpacked, its library built, both from one source.

`ftc doctor --fix` and the Makefile call `fix`. The two parts can be had one by one, so that the
converter is here within seconds while the library compiles beside a training.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ftc.toolchain import library, source
from ftc.toolchain.errors import ToolchainError
from ftc_runtime.toolchain import LLAMA_CPP_VERSION, cache_folder

__all__ = ["LLAMA_CPP_VERSION", "PARTS", "Missing", "ToolchainError", "fix", "missing"]

CONVERTER = "llama.cpp-converter"
LIBRARY = "llama-cpp-python"
PARTS = (CONVERTER, LIBRARY)


@dataclass(frozen=True, slots=True)
class Missing:
    """A part that is not as it should be, and what is wrong with it."""

    name: str
    message: str


def missing() -> list[Missing]:
    """Return the parts that `fix` would bring here."""
    faults = {CONVERTER: source.converter_fault(), LIBRARY: library.fault()}
    return [Missing(name, fault) for name, fault in faults.items() if fault is not None]


def fix(report: Callable[[str], None], parts: Sequence[str] = PARTS) -> list[str]:
    """Bring here what is missing of *parts*; return what was done, in words.

    *report* is told a line now and then: the library takes minutes to compile.

    Raises:
        ToolchainError: with what to do about it.
    """
    done = []
    if CONVERTER in parts:
        with _one_at_a_time("converter", report):
            if source.converter_fault() is not None:
                done.append(source.unpack_converter(report))
    if LIBRARY in parts:
        with _one_at_a_time("library", report):
            if library.fault() is not None:
                done.append(library.install(report))
    return done


@contextmanager
def _one_at_a_time(name: str, report: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock that ends with this process: two builds of one machine do the work once."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("llama.cpp: another ftc is at it; waiting")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
