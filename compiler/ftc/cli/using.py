"""How a command uses a store that others may clean up meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ftc.cli.console import Console
from ftc.cli.workspace import Workspace
from ftc.plan.care import described
from ftc.store.care.projects import register
from ftc.store.locks import Holder, deleting_from, relying_on


@contextmanager
def use_store(workspace: Workspace, console: Console, *, registers: bool = True) -> Iterator[None]:
    """Rely on the store's files, and have it know the project: what it uses is kept from then."""
    store = workspace.store
    if store.root.is_dir() and not os.access(store.root, os.W_OK):
        # What is all there may be used all the same.
        yield
        return
    with relying_on(store, waiting=lambda holder: _tell_waiting(holder, console)):
        if registers:
            register(store, described(workspace.plan, workspace.owner))
        yield


@contextmanager
def have_store_alone(workspace: Workspace, console: Console) -> Iterator[None]:
    """Wait until nobody relies on the store's files, and keep all others from it."""
    with deleting_from(workspace.store, waiting=lambda holder: _tell_waiting(holder, console)):
        yield


def _tell_waiting(holder: Holder, console: Console) -> None:
    console.talk(f"waiting for process {holder.pid} on {holder.host}: {holder.command}")
