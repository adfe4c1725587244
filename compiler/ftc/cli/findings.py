"""What stages found and a person should know: a template that is not the model's own, say."""

from __future__ import annotations

from ftc.plan.freshness import State


def finding(state: State) -> str | None:
    """Return what a stage found when it ran, if it left word in its record."""
    record = state.known
    told = record.facts.get("stage", {}).get("findings") if record else None
    return told if isinstance(told, str) else None
