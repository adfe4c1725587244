"""Files that are no project: missing, too large, not text."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ftc.diagnostics import ProjectError
from ftc.project.reading.text import read


def _refused(path: Path) -> str:
    with pytest.raises(ProjectError) as raised:
        read(path)
    return str(raised.value)


def test_a_byte_order_mark_is_not_text(folder: Path) -> None:
    """Editors on Windows write one; columns count without it."""
    Path("project.yaml").write_bytes(b"\xef\xbb\xbfname: forge\r\n")

    assert read(Path("project.yaml")) == "name: forge\r\n"


def test_a_missing_file(folder: Path) -> None:
    """A name that is close is suggested, else the command that makes one."""
    assert _refused(Path("project.yaml")) == (
        "error[missing-file]: there is no file project.yaml\n = help: `ftc init` writes a first one"
    )
    Path("projet.yaml").touch()

    assert _refused(Path("project.yaml")) == (
        "error[missing-file]: there is no file project.yaml\n = help: did you mean `projet.yaml`?"
    )
    assert _refused(Path("no/such/folder.yaml")) == (
        "error[missing-file]: there is no file no/such/folder.yaml\n"
        " = help: `ftc init` writes a first one"
    )


def test_what_is_no_regular_file(folder: Path) -> None:
    """A folder names the file that is meant; a pipe is never waited for."""
    os.mkfifo("pipe.yaml")
    (folder / "data" / "project.yaml").touch()

    assert [_refused(Path(name)) for name in ("data", "empty", "pipe.yaml", "/dev/zero")] == [
        "error[not-a-file]: data is a folder\n = help: name the file: data/project.yaml",
        "error[not-a-file]: empty is a folder",
        "error[not-a-file]: pipe.yaml is not a regular file",
        "error[not-a-file]: /dev/zero is not a regular file",
    ]


def test_names_that_cannot_be_opened(folder: Path) -> None:
    """The system's own words, without a traceback."""
    long = "x" * 300

    assert [_refused(Path(name)) for name in ("data/rows.json/x", "a\0b", long)] == [
        "error[unreadable]: data/rows.json/x cannot be read: Not a directory",
        "error[unreadable]: a\0b cannot be read: embedded null byte",
        f"error[unreadable]: {long} cannot be read: File name too long",
    ]


def test_ten_megabytes_are_refused_at_once(folder: Path) -> None:
    """Before anything is parsed: rows pasted into the project, most likely."""
    Path("project.yaml").write_bytes(b"a: [\n" * (2 * 1024 * 1024))
    start = time.process_time()

    printed = _refused(Path("project.yaml"))

    assert time.process_time() - start < 0.5
    assert printed == (
        "error[too-large]: project.yaml is larger than 1 MiB,"
        " the most that ftc reads as a project\n"
        " = help: keep rows in files of their own, and name them as `source:` of a dataset"
    )


def test_text_in_another_encoding(folder: Path) -> None:
    """The first byte that is not UTF-8 has a place."""
    Path("project.yaml").write_bytes("version: 1\nname: né\n".encode("latin-1"))

    assert _refused(Path("project.yaml")) == (
        "error[not-utf-8]: project.yaml is not UTF-8: it has the byte 0xe9 here\n"
        " --> project.yaml:2:8\n"
        "  |\n"
        "2 | name: n\ufffd\n"
        "  |        ^\n"
        "  = help: save it as UTF-8"
    )


def test_utf_16_is_refused(folder: Path) -> None:
    """Notepad's "Unicode"."""
    Path("project.yaml").write_bytes("version: 1\n".encode("utf-16"))

    assert _refused(Path("project.yaml")).splitlines()[:2] == [
        "error[not-utf-8]: project.yaml is not UTF-8: it has the byte 0xff here",
        " --> project.yaml:1:1",
    ]


def test_control_characters_have_a_place(folder: Path) -> None:
    """YAML forbids them, and they would not show."""
    Path("project.yaml").write_text("version: 1\nname: a\x07b\n")

    assert _refused(Path("project.yaml")) == (
        "error[syntax]: the character U+0007 may not stand in a YAML file\n"
        " --> project.yaml:2:8\n"
        "  |\n"
        "2 | name: a\x07b\n"
        "  |        ^\n"
        "  = help: delete it"
    )
