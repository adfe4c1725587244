"""What lies outside of the project: that a source is one, and that a path leads somewhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ftc.diagnostics import Diagnostic
from ftc.project.written import Written


def source_faults(written: Iterable[Written], root: Path) -> list[Diagnostic]:
    """Return the faults of every `source:`."""
    return []
