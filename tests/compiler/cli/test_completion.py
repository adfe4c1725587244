"""Completion, in the shells themselves."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from command_line import Ftc, MakeProject
from conftest import TINY


@pytest.fixture
def rows(project: MakeProject, tmp_path: Path) -> Ftc:
    """A project, and an `ftc` on a PATH of its own."""
    return with_program(project(), tmp_path)


def with_program(ftc: Ftc, tmp_path: Path) -> Ftc:
    """Put an `ftc` on the PATH that `in_shell` has."""
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
    assert completed(rows, line) == f"{found}\n"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("ftc build ad", "adder adder.adapter adder.curves adder@lora.r=4 adder@lora.r=4.adapter"),
        ("ftc build adder@l", "lora.r=4 lora.r=4.adapter lora.r=4.curves lora.r=8"),
        ("ftc build adder@lora.r=8.", "8.adapter 8.curves"),
        ("ftc why sft:", "adder@lora.r=4 adder@lora.r=8"),
        ("ftc why sft:adder@lora.r=8", "8"),
    ],
)
def test_bash_completes_variants_though_it_splits_them(
    project: MakeProject, tmp_path: Path, line: str, found: str
) -> None:
    """What bash has taken for words of their own, up to the last `:`, `@` or `=`, is left out."""
    ftc = with_program(project(TINY.replace("lora: {r: 4}", "matrix: {lora.r: [4, 8]}")), tmp_path)

    assert completed(ftc, line).split()[: len(found.split())] == found.split()


def completed(ftc: Ftc, line: str) -> str:
    """Return what bash offers at the end of a line."""
    return in_shell(
        ftc,
        "bash",
        f"{ftc('completion', 'bash').stdout}\nCOMP_LINE='{line}'; COMP_POINT={len(line)};"
        " _ftc; echo ${COMPREPLY[@]}",
    )


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
