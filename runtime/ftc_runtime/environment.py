"""What a stage's process makes sure of before it works: versions, threads, seeds."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import cast

from ftc_runtime.errors import StageError

CONVERTER = "llama.cpp-converter"
"""Not a package: the converter unpacked from llama.cpp, told by the digest of its files."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def check_libraries(libraries: Mapping[str, str]) -> None:
    """Compare what is installed with what the key says.

    Raises:
        StageError: naming every library that is missing or has another version.
    """
    found = {name: installed_version(name) for name in libraries}
    wrong = [name for name, wanted in libraries.items() if found[name] != wanted]
    if not wrong:
        return
    message = ", ".join(
        f"{name} is {found[name] or 'not installed'}, the key says {libraries[name]}"
        for name in wrong
    )
    packages = [f"{name}=={libraries[name]}" for name in wrong if name != CONVERTER]
    ways = [f"pip install {' '.join(packages)}"] if packages else []
    ways += ["ftc doctor --fix"] if CONVERTER in wrong else []
    hint = " and ".join(ways)
    if any(found[name] for name in wrong):
        hint += ", or go on with what is installed: ftc lock --upgrade env"
    raise StageError(message, hint)


def installed_version(name: str) -> str | None:
    """Return the version of a library without its local part (`+cpu`), or None."""
    if name == CONVERTER:
        from ftc_runtime.toolchain import converter_digest

        return converter_digest()
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return None


def hold_back(*names: str) -> None:
    """Keep libraries from being loaded: what has no part in a result has none in its time.

    transformers loads torch, which takes more than a second, wherever it is installed; without it
    a tokenizer is the same.
    """
    for name in names:
        if name not in sys.modules:
            # So Python takes it for a library that is not there.
            sys.modules[name] = cast(ModuleType, None)
    os.environ["TRANSFORMERS_NO_ADVISORY_WARNINGS"] = "1"


def pin_threads(threads: int) -> None:
    """Fix the number of threads of what is imported from now on."""
    for name in THREAD_VARIABLES:
        os.environ[name] = str(threads)


def pin_imported(threads: int) -> None:
    """Fix threads and seeds of what a stage has imported. A stage's own seed comes after."""
    random.seed(0)
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
    if (numpy := sys.modules.get("numpy")) is not None:
        numpy.random.seed(0)
