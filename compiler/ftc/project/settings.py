"""Settings that are right one by one and not together."""

from __future__ import annotations

from collections.abc import Iterable

from ftc.diagnostics import Diagnostic
from ftc.project.written import Written


def settings_faults(written: Iterable[Written]) -> list[Diagnostic]:
    """Return the faults of settings that contradict each other."""
    return []
