"""What a project wants kept in the store: the part of its plan that `ftc gc` reads."""

from __future__ import annotations

from ftc.plan.stages import Plan
from ftc.store.projects import Project

KEPT_SECTIONS = ("exports", "finetunes", "evals")
"""What `keep: exports` keeps: what is made to be used, and what is slow to make and small."""


def described(plan: Plan, owner: str, *, keep: str | None = None) -> Project:
    """Return the project as the store knows it. *keep* overrides what project.yaml says."""
    kept = None
    if (keep or plan.keep) == "exports":
        edges = {
            f"{edge.stage}>{edge.output}"
            for target in plan.targets.values()
            if target.section in KEPT_SECTIONS
            for edge in target.links.values()
        }
        kept = tuple(sorted(edges))
    return Project(owner, plan.project, plan.root, plan.keep_refs, kept)
