"""A plan made small: the same graph on a few rows and one step, in a key space of its own."""

from __future__ import annotations

from ftc.plan.stages import Plan, Stage
from ftc.store.records import REHEARSAL


def rehearsal(plan: Plan) -> Plan:
    """Return the plan's rehearsal.

    A stage that works on what the real one works on, such as `model`, is the real one: it is
    shared, and run once for both. All others have small settings or small inputs.
    """
    stages: dict[str, Stage] = {}
    for stage in plan.stages.values():
        after_rehearsed = any(
            stages[edge.stage] is not plan.stages[edge.stage] for edge in stage.inputs.values()
        )
        stages[stage.name] = _rehearsed(stage, after_rehearsed=after_rehearsed)
    return plan._replace(stages=stages)


def owner_of_rehearsal(owner: str) -> str:
    """Return whose refs a rehearsal's are: never the project's own."""
    return f"{owner}.{REHEARSAL}"


def _rehearsed(stage: Stage, *, after_rehearsed: bool) -> Stage:
    from ftc_runtime.contract import params_class  # `ftc plan` asks only who is a rehearsal

    params = params_class(stage.kind).model_validate(stage.params)
    small = params.rehearsed()
    if small == params and not after_rehearsed:
        return stage
    return stage._replace(
        params=small.model_dump(mode="json"), semantic={**small.semantic(), REHEARSAL: True}
    )
