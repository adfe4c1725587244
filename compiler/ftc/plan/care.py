"""What a project wants kept in the store: the part of its plan that `ftc gc` reads."""

from __future__ import annotations

from ftc.plan.stages import CARDS, Plan
from ftc.store.care.projects import Project

KEPT_SECTIONS = ("exports", CARDS, "finetunes", "evals")
"""What `keep: exports` keeps: what is made to be used, and what is slow to make and small."""

KEPT_ARTIFACTS = ("report", "table", "scores")
"""Small, and read by cards: dropped, a reworded card would take a training."""


def described(plan: Plan, owner: str, *, keep: str | None = None) -> Project:
    """Return the project as the store knows it. *keep* overrides what project.yaml says."""
    kept = None
    if (keep or plan.keep) == "exports":
        edges = {
            f"{edge.stage}>{edge.output}"
            for target in plan.targets.values()
            if target.section in KEPT_SECTIONS
            for edge in target.links.values()
        } | {
            f"{stage.name}>{output}"
            for stage in plan.stages.values()
            for output, artifact in stage.outputs.items()
            if artifact in KEPT_ARTIFACTS
        }
        kept = tuple(sorted(edges))
    return Project(owner, plan.project, plan.root, plan.keep_refs, kept)
