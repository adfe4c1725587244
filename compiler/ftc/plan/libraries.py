"""Versions of the libraries that can change a result, known without importing one of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from ftc_runtime.toolchain import CONVERTER_DIGEST, CONVERTER_NAME

CONSTRAINTS = Path(__file__).parent.parent / "constraints.txt"


def versions(names: Iterable[str], locked: Mapping[str, str]) -> dict[str, str]:
    """Return the version of each library: *locked*, else installed, else what ftc ships a pin for.

    The local part is cut off: 2.13.0+cpu is 2.13.0, since the same release is meant.
    """
    return {name: locked.get(name) or current(name) for name in names}


@cache
def current(name: str) -> str:
    """Return the version of a library that a lock made now would hold."""
    if name == CONVERTER_NAME:
        return CONVERTER_DIGEST
    return (installed(name) or pinned(name) or "not pinned").split("+")[0]


def installed(name: str) -> str | None:
    """Return the installed version of a distribution, its local part included."""
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def pinned(name: str) -> str | None:
    """Return the version that ftc ships a pin for and is tested with."""
    return _pins().get(name)


@cache
def _pins() -> dict[str, str]:
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    pairs = (re.match(r"([A-Za-z0-9._-]+)==([^\s;#]+)", line) for line in lines)
    return {pair[1].lower().replace("_", "-"): pair[2] for pair in pairs if pair}
