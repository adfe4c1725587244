"""Where the versions of libraries in keys come from."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from ftc.diagnostics import ProjectError
from ftc.lockfile.lock import Lock
from ftc.lockfile.writing import write
from ftc.plan.libraries import current, pinned, versions
from ftc_runtime.toolchain import CONVERTER_DIGEST, CONVERTER_NAME


def test_the_lock_goes_before_what_is_installed() -> None:
    """A library that it does not know is taken as it is here, without its local part."""
    found = versions(["pydantic", "torch"], {"torch": "1.0"})

    assert found == {"pydantic": version("pydantic").partition("+")[0], "torch": "1.0"}


def test_what_is_not_installed_has_the_version_that_ftc_ships_a_pin_for() -> None:
    """So keys are known without torch; the converter is told by its digest."""
    assert current("no-such-library") == "not pinned"
    assert pinned("torch") == current("torch").partition("+")[0]
    assert current(CONVERTER_NAME) == CONVERTER_DIGEST


def test_a_plan_is_made_with_the_locks_versions_and_made_anew_when_they_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kept plan is one of another [env] then; a change among the stages does not matter."""
    from ftc.cli.workspace import make_plan
    from ftc.plan.cache import fingerprint

    file = tmp_path / "project.yaml"
    file.write_text("version: 1\nname: p\nmodels:\n  m: {source: hf://some/model}\n")
    libraries = make_plan(file).stages["model:m"].libraries
    library = next(iter(libraries))
    before = fingerprint(file)

    write(tmp_path, Lock(env={library: "0.1"}))

    assert make_plan(file).stages["model:m"].libraries == {**libraries, library: "0.1"}
    assert fingerprint(file) != before
    before = fingerprint(file)
    with (tmp_path / "ftc.lock").open("a") as lock:
        lock.write('\n[stage."sft:a"]\nkey = "1"\n')
    assert fingerprint(file) == before


def test_a_lock_of_another_format_is_told_when_the_plan_is_made(tmp_path: Path) -> None:
    """Not only when a build would write it."""
    from ftc.cli.workspace import make_plan

    (tmp_path / "project.yaml").write_text("version: 1\nname: p\n")
    (tmp_path / "ftc.lock").write_text("version = 9\n")

    with pytest.raises(ProjectError, match="is of version 9; this ftc reads 1"):
        make_plan(tmp_path / "project.yaml")
