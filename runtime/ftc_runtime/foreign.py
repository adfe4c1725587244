"""Errors of the system and of libraries that a user can do something about, told as such."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from ftc_runtime.errors import StageError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")


def known(error: BaseException) -> StageError | None:
    """Return what a foreign error means to the user, or None if it is a bug of ours."""
    if isinstance(error, MemoryError) or _is_out_of_memory(error):
        return StageError(
            f"out of memory: {first_line(error)}",
            "Close other programs, take a smaller model, or lower per_device_train_batch_size",
        )
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("ftc_runtime"):
        return StageError(f"{error.name} is not installed", 'pip install "ftc[train]"')
    if isinstance(error, OSError):
        return _known_os_error(error)
    return None


def first_line(error: BaseException) -> str:
    """Return an error in one line."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _is_out_of_memory(error: BaseException) -> bool:
    # torch.OutOfMemoryError by its name, since this must not import torch; its CPU allocator
    # raises a plain RuntimeError.
    if type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)


def _known_os_error(error: OSError) -> StageError | None:
    where = f": {error.filename}" if error.filename else ""
    if error.errno in DISK_FULL:
        free = shutil.disk_usage(_existing(error.filename)).free / 2**30
        return StageError(
            f"the disk is full ({free:.1f} GiB free){where}",
            "Free some space, or put the store elsewhere: FTC_STORE=DIR",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StageError(f"{error.strerror}{where}", "Check who owns the file and its folder")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return StageError("too many open files", "Raise the limit: ulimit -n 4096")
    return None


def _existing(name: object) -> Path:
    path = Path(name) if isinstance(name, str) else Path()
    while not path.exists():
        path = path.parent
    return path
