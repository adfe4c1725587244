"""Completion, in the shells themselves."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from command_line import Ftc, MakeProject


@pytest.fixture
def rows(project: MakeProject, tmp_path: Path) -> Ftc:
    """A project, and an `ftc` on a PATH of its own."""
    ftc = project()
    program = tmp_path / "bin" / "ftc"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {" ".join(ftc.command())} "$@"\n')
    program.chmod(0o755)
    return ftc


def in_shell(ftc: Ftc, shell: str, script: str) -> str:
    """Run a script in a shell, in the project's folder; return what it prints."""
    path = f"{ftc.folder.parent / 'bin'}:/usr/bin:/bin"
    done = subprocess.run(
        [shell, "-c", script],
        cwd=ftc.folder,
        env={**ftc.environment(), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("ftc st", "status"),
        ("ftc build me", "merge:merged merged merged.card merged.model"),
        ("ftc status --ch", "--check"),
        ("ftc completion f", ""),
    ],
)
def test_bash_completes_commands_targets_and_options(rows: Ftc, line: str, found: str) -> None:
    """The script that the command prints, sourced and asked."""
    words = line.split()

    script = rows("completion", "bash").stdout + (
        f"\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _ftc; echo ${{COMPREPLY[@]}}"
    )

    assert in_shell(rows, "bash", script) == f"{found}\n"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_read_their_script(rows: Ftc, shell: str) -> None:
    """Where the shell is installed, it parses the script; the words are the same as bash's."""
    script = rows("completion", shell).stdout
    assert "ftc completion --words" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n", "/dev/stdin"], input=script, text=True, check=True)


def test_without_a_project_commands_are_completed_all_the_same(tmp_path: Path) -> None:
    """And targets are none, without a word of complaint."""
    ftc = Ftc(tmp_path, tmp_path / ".ftc")

    assert ftc("completion", "--words", "bui").stdout == "build\n"
    assert ftc("completion", "--words", "build", "").stdout == "\n"
