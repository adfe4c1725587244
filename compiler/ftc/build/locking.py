"""Keeps ftc.lock in step with what was built."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ftc.lockfile.blocks import has_conflict, stage_blocks, text_of
from ftc.lockfile.reading import read
from ftc.lockfile.writing import rendered_stage, write
from ftc.plan.freshness import Freshness
from ftc.plan.locked import entry_of, updated
from ftc.store.locks import KeyLock


def keep_lock(freshness: Freshness, names: Iterable[str]) -> bool:
    """Write what the named stages and all before them gave into ftc.lock.

    Return whether it had to be written.

    Raises:
        ProjectError: if there is a lock that cannot be read.
    """
    closure = list(freshness.plan.closure(names))
    root = freshness.plan.root
    if _stands(freshness, closure, root):
        return False
    with KeyLock(freshness.store, f"ftc.lock-{freshness.owner}") as lock:
        lock.acquire()
        write(
            root,
            updated(read(root), freshness.plan, freshness.states, closure, freshness.sources),
        )
    return True


def _stands(freshness: Freshness, names: list[str], root: Path) -> bool:
    """Say whether the lock has it all: to parse that of a thousand stages would take a second."""
    text = text_of(root)
    blocks = stage_blocks(text)
    if has_conflict(text) or blocks.keys() - freshness.plan.stages.keys():
        return False
    for name in names:
        record = freshness.states[name].known
        if record is None:
            continue
        entry = entry_of(freshness.plan.stages[name], record, before=None)
        if blocks.get(name) != rendered_stage(name, entry):
            return False
    return True
