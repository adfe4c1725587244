"""llama.cpp's converter, which no package ships: where it lies, and that it is what it should be.

`ftc.toolchain` brings it here, out of the source of llama-cpp-python. Standard library only.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ftc_runtime.errors import StageError

LLAMA_CPP_VERSION = "0.3.36"
"""Of llama-cpp-python: the library and the converter are of one and the same source."""
SDIST_SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
CONVERTER_NAME = "llama.cpp-converter"
CONVERTER_DIGEST = "sha256:b8e205a5f2003a81fa01e0a5fb2c45111064b68b811ead3b5f9f7b343d634adb"
"""Of the unpacked folder, as `folder_digest` has it. It stands in the key of each conversion."""

HINT = "ftc doctor --fix"


def check_converter() -> Path:
    """Return the converter's folder, after a look at each file of it.

    Raises:
        StageError: if it is not here, or is not the one that the key names.
    """
    folder = converter_folder()
    found = converter_digest()
    if found is None:
        raise StageError(f"llama.cpp's converter is not here: {folder} does not exist", HINT)
    if found != CONVERTER_DIGEST:
        message = f"llama.cpp's converter was changed: {folder} is {found}, not {CONVERTER_DIGEST}"
        raise StageError(message, HINT)
    return folder


def converter_digest() -> str | None:
    """Return the digest of the converter that is here, or None without one."""
    folder = converter_folder()
    return folder_digest(folder) if folder.is_dir() else None


def converter_folder() -> Path:
    """Return where the converter is, or else where it is to be put.

    Inside of the environment, and in the user's cache where the environment is read-only.
    """
    name = f"llama.cpp-{LLAMA_CPP_VERSION}"
    inside = Path(sys.prefix, "share", "ftc", name)
    shared = cache_folder() / name
    if not inside.is_dir() and (shared.is_dir() or not _can_make(inside)):
        return shared
    return inside


def cache_folder() -> Path:
    """Return the user's cache folder of ftc, by the XDG rules."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ftc"


def folder_digest(folder: Path) -> str:
    """Return the digest of a folder's names and contents.

    What Python compiles beside the sources is left out, and so are modes and times.
    """
    listing = hashlib.sha256()
    for name in sorted(_files(folder)):
        content = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        listing.update(f"{content}  {name}\n".encode())
    return f"sha256:{listing.hexdigest()}"


def _files(folder: Path) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            yield Path(parent, name).relative_to(folder).as_posix()


def _can_make(path: Path) -> bool:
    nearest = next(parent for parent in path.parents if parent.exists())
    return os.access(nearest, os.W_OK)
