"""`remotes:` checked with places, and their secrets kept out of everything."""

from __future__ import annotations

from collections.abc import Callable

from ftc.project.load import Project
from ftc.project.remotes import expanded
from ftc_runtime.contract import Json


def test_each_fault_is_printed_with_its_place_and_the_way_out(
    text: str, printed: str, refused: Callable[..., str]
) -> None:
    """The whole output, for each case of `faults/remotes.txt`."""
    assert refused(text) == printed


def test_a_secret_is_nowhere_in_the_project(loaded: Callable[..., Project]) -> None:
    """It stays a name until the remote is opened; other values are read as everywhere."""
    project = loaded(
        "version: 1\nname: forge\nremotes:\n"
        '  team: {url: "s3://${BUCKET}/forge", storage_options: {secret: "${TEAM_SECRET}"}}\n',
        BUCKET="acme",
        TEAM_SECRET="hunter2",
    )

    options: dict[str, Json] = {"secret": "${TEAM_SECRET}"}
    assert project.operational["remotes"]["team"].model_dump() == {
        "url": "s3://acme/forge",
        "access": "read",
        "storage_options": options,
    }
    assert "hunter2" not in repr(project)
    assert expanded({"a": [options]}, {"TEAM_SECRET": "hunter2"}) == (
        {"a": [{"secret": "hunter2"}]},
        [],
    )


def test_a_secret_elsewhere_is_refused_as_before(refused: Callable[..., str]) -> None:
    """Only a remote's options may name one."""
    printed = refused(
        'version: 1\nname: forge\nremotes: {team: {url: "https://${A_TOKEN}/x"}}\n', A_TOKEN="x"
    )

    assert printed.startswith("error[secret]: A_TOKEN looks like a secret")


def test_a_faulty_remote_hides_no_other_fault(refused: Callable[..., str]) -> None:
    """A name that nothing has is told beside it, with what would do."""
    printed = refused(
        "version: 1\nname: forge\nremotes: {team: {urll: https://acme.test/x}}\n"
        "models: {base: {source: scratch://llama}}\n"
        "exports: {merged: {model: bsae, format: safetensors}}\n"
    )

    told = [line for line in printed.splitlines() if line.startswith("error")]
    assert [line.partition("]")[0] for line in told] == [
        "error[unknown-key", "error[missing-key", "error[unknown-name",
    ]  # fmt: skip
