"""ftc.lock as text: what is found in it without parsing TOML."""

from __future__ import annotations

from pathlib import Path

from ftc.lockfile import FILE_NAME, env_text
from ftc.lockfile.blocks import (
    has_conflict,
    head_of,
    sides_of,
    stage_blocks,
    text_of,
)

TEXT = """\
# Written by ftc
version = 1

[env]
torch = "2.13.0"

[source."data/rows.json"]
digest = "sha256:aa"
bytes = 3

[stage."dataset:rows"]
key = "11"

[stage."sft:a@lora.r=8/x \\"quoted\\""]
key = "22"
spec.text = "\\n[stage.\\"no header\\"]"
"""


def test_a_text_is_cut_into_head_and_stages() -> None:
    """A name may hold quotes, a text what looks like a header."""
    blocks = stage_blocks(TEXT)

    assert head_of(TEXT) == TEXT[: TEXT.index("[stage.")]
    assert list(blocks) == ["dataset:rows", 'sft:a@lora.r=8/x "quoted"']
    assert blocks["dataset:rows"] == '[stage."dataset:rows"]\nkey = "11"'
    assert blocks['sft:a@lora.r=8/x "quoted"'].endswith('no header\\"]"')
    assert stage_blocks("") == stage_blocks("version = 1\n") == {}


def test_the_versions_of_libraries_are_found_by_themselves(tmp_path: Path) -> None:
    """Sources and stages do not matter to the plan; without a lock there is nothing."""
    assert env_text(tmp_path) == b""
    assert text_of(tmp_path) == ""

    (tmp_path / FILE_NAME).write_text(TEXT)

    assert env_text(tmp_path) == b'# Written by ftc\nversion = 1\n\n[env]\ntorch = "2.13.0"\n'
    (tmp_path / FILE_NAME).write_text("version = 1\n\n[env]\na = 1\n")
    assert env_text(tmp_path) == b"version = 1\n\n[env]\na = 1\n"
    (tmp_path / FILE_NAME).write_text("version = 1\n")
    assert env_text(tmp_path) == b""


def test_both_sides_of_a_conflict_are_told_apart() -> None:
    """With git's marks, and with the common ancestor that diff3 adds."""
    text = "a\n<<<<<<< HEAD\nb\n||||||| base\nx\n=======\nc\n>>>>>>> other\nd\n"

    assert has_conflict(text)
    assert sides_of(text) == ("a\nb\nd\n", "a\nc\nd\n")
    assert not has_conflict(TEXT)
    assert sides_of(TEXT) == (TEXT, TEXT)
