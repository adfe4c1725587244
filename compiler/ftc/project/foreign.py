"""Words of other trainers' configuration files, answered with where ftc writes the same thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a foreign word is, and where ftc has it."""

    message: str
    help: str


def foreign_word(key: str, section: str | None) -> Foreign | None:
    """Return what to say to *key* in *section*, or at the top of the file."""
    return None
