"""ftc.local.yaml: settings of this machine, over those of the project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ftc.project.load import Project

HEAD = "version: 1\nname: forge\n"


def test_it_is_merged_over_the_project_item_by_item(
    folder: Path, loaded: Callable[..., Project]
) -> None:
    """A new one comes after those of the project."""
    (folder / "ftc.local.yaml").write_text(
        "remotes:\n  team: {access: read-write}\n  disk: {url: /mnt/cache}\n"
    )

    project = loaded(HEAD + "remotes: {team: {url: s3://bucket/forge}}\n")

    assert {name: item.model_dump() for name, item in project.operational["remotes"].items()} == {
        "team": {"url": "s3://bucket/forge", "access": "read-write", "storage_options": {}},
        "disk": {"url": "/mnt/cache", "access": "read", "storage_options": {}},
    }


def test_an_empty_one_is_none(folder: Path, loaded: Callable[..., Project]) -> None:
    """As one that has only comments."""
    (folder / "ftc.local.yaml").write_text("# nothing yet\n")

    assert loaded(HEAD).operational == {"remotes": {}}


def test_its_faults_are_told_with_its_own_lines(folder: Path, refused: Callable[..., str]) -> None:
    """What is built stands in project.yaml, and machines come later."""
    (folder / "ftc.local.yaml").write_text(
        "models: {}\nmachines: {}\nremote: {}\nremotes: {team: {access: write}}\n"
    )

    assert refused(HEAD) == (
        "error[unknown-key]: `models` says what is built, and ftc.local.yaml only where and with"
        " what\n"
        " --> ftc.local.yaml:1:1\n"
        "  |\n"
        "1 | models: {}\n"
        "  | ^^^^^^\n"
        "  = help: write it in project.yaml\n"
        "\n"
        "error[not-yet]: this version of ftc does not launch on several devices or machines yet\n"
        " --> ftc.local.yaml:2:1\n"
        "  |\n"
        "2 | machines: {}\n"
        "  | ^^^^^^^^\n"
        "\n"
        "error[unknown-key]: ftc.local.yaml has no key `remote`\n"
        " --> ftc.local.yaml:3:1\n"
        "  |\n"
        "3 | remote: {}\n"
        "  | ^^^^^^\n"
        "  = help: did you mean `remotes`?\n"
        "\n"
        "error[missing-key]: `team` needs `url`\n"
        " --> ftc.local.yaml:4:11\n"
        "  |\n"
        "4 | remotes: {team: {access: write}}\n"
        "  |           ^^^^\n"
        "  = help: url: s3://bucket/prefix, gs://bucket/prefix, https:// or a folder\n"
        "\n"
        'error[not-one-of]: `access` is "write", but must be `read` or `read-write`\n'
        " --> ftc.local.yaml:4:26\n"
        "  |\n"
        "4 | remotes: {team: {access: write}}\n"
        "  |                          ^^^^^\n"
        "  = help: did you mean `read-write`?\n"
    )
