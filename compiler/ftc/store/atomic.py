"""Files that are there whole or not at all, whatever ends the process."""

from __future__ import annotations

import os
from pathlib import Path


def temporary_in(folder: Path) -> Path:
    """Return a path in *folder* that nobody else uses. The folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{os.getpid()}-{os.urandom(8).hex()}"


def sync(path: Path) -> None:
    """Bring a file, or a folder's names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and all above it, and bring their names to the disk."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync(folder.parent)


def write(path: Path, data: bytes, *, scratch: Path, mode: int = 0o644) -> None:
    """Put *data* at *path* durably, over what was there."""
    temporary = write_temporary(data, scratch=scratch, mode=mode)
    make_folder(path.parent)
    temporary.replace(path)
    sync(path.parent)


def create(path: Path, data: bytes, *, scratch: Path) -> bool:
    """Put *data* at *path* durably unless something is there. Return whether this was done."""
    temporary = write_temporary(data, scratch=scratch)
    make_folder(path.parent)
    try:
        # A rename would replace; a link fails when the name is taken.
        path.hardlink_to(temporary)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    sync(path.parent)
    return True


def write_temporary(data: bytes, *, scratch: Path, mode: int = 0o644) -> Path:
    """Return a new file in *scratch* that holds *data*, already on the disk."""
    temporary = temporary_in(scratch)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return temporary


def remove_tree(folder: Path) -> None:
    """Remove a folder and all in it, as far as that can be done."""
    import shutil  # Slow to import, and nobody who only looks needs it.

    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)
    else:
        folder.unlink(missing_ok=True)


def replace_folder(fresh: Path, folder: Path, *, scratch: Path) -> None:
    """Give a new folder its name; one that has it is moved away and removed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(folder):
        old = temporary_in(scratch)
        folder.rename(old)
        remove_tree(old)
    try:
        fresh.rename(folder)
    except OSError:
        # Another build made the same folder first.
        if not folder.is_dir():
            raise
        remove_tree(fresh)


def copy(path: Path, *, scratch: Path) -> Path:
    """Return a new file in *scratch* with the content of *path*."""
    import shutil

    temporary = temporary_in(scratch)
    shutil.copyfile(path, temporary)
    return temporary
