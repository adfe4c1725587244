"""The file's bytes -> text, or a fault that says why there is none."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from ftc.diagnostics import Diagnostic, Place, ProjectError, did_you_mean

LARGEST_BYTES = 1024 * 1024

# What YAML forbids in a file. Tab and the line breaks are allowed.
CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read(path: Path) -> str:
    """Return the text of a project file, without a byte order mark.

    Raises:
        ProjectError: if there is no such file, or it is not a text that could be a project.
    """
    data = _bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        message = f"{path.name} is not UTF-8: it has the byte 0x{data[error.start]:02x} here"
        shown = data.decode("utf-8", errors="replace").removeprefix("\ufeff")
        fault = Diagnostic("not-utf-8", message, at_end(path, before), "save it as UTF-8")
        raise ProjectError([fault], {path: shown}) from error
    if control := CONTROL.search(text):
        message = f"the character U+{ord(control[0]):04X} may not stand in a YAML file"
        place = at_end(path, text[: control.start()])
        raise ProjectError([Diagnostic("syntax", message, place, "delete it")], {path: text})
    return text


def at_end(path: Path, before: str) -> Place:
    """Return the place that comes right after the text *before*."""
    lines = (before + "x").splitlines()
    return Place(path, len(lines), len(lines[-1]))


def _bytes(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # a named pipe would wait for its writer for ever
            raise ProjectError([_not_a_file(path, is_folder=stat.S_ISDIR(mode))])
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError as error:
        raise ProjectError([_missing(path)]) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"{path} cannot be read: {reason}"
        raise ProjectError([Diagnostic("unreadable", message)]) from error
    if len(data) > LARGEST_BYTES:
        message = f"{path} is larger than 1 MiB, the most that ftc reads as a project"
        help_text = "keep rows in files of their own, and name them as `source:` of a dataset"
        raise ProjectError([Diagnostic("too-large", message, help=help_text)])
    return data


def _missing(path: Path) -> Diagnostic:
    try:
        siblings = sorted(entry.name for entry in path.parent.iterdir())
    except OSError:
        siblings = []
    close = did_you_mean(path.name, [name for name in siblings if name.endswith((".yaml", ".yml"))])
    way_out = f"did you mean `{path.parent / close}`?" if close else "`ftc init` writes a first one"
    return Diagnostic("missing-file", f"there is no file {path}", help=way_out)


def _not_a_file(path: Path, *, is_folder: bool) -> Diagnostic:
    inside = path / "project.yaml"
    way_out = f"name the file: {inside}" if is_folder and inside.is_file() else None
    what = "a folder" if is_folder else "not a regular file"
    return Diagnostic("not-a-file", f"{path} is {what}", help=way_out)
