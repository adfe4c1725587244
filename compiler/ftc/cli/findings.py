"""What stages found and a person should know: a template that is not the model's own, say."""

from __future__ import annotations

import json

from ftc.cli.workspace import Workspace
from ftc.plan.freshness import State

TELLS = frozenset(("template",))
"""The kinds whose reports have `warnings` that matter for as long as the result is used."""


def findings(workspace: Workspace, state: State) -> list[str]:
    """Return the warnings in the report of a stage whose result is here."""
    kind = workspace.plan.stages[state.stage].kind
    record = state.known if kind in TELLS else None
    report = record.outputs.get("report") if record else None
    if report is None or not workspace.store.holds(report):
        return []
    warnings: list[str] = json.loads(workspace.store.path(report).read_bytes())["warnings"]
    return warnings
