"""A folder to load a project.yaml from, and tables of bad files with what is printed of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ftc.diagnostics import ProjectError
from ftc.project.load import Project, load

FAULTS = Path(__file__).parent / "faults"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that takes *text* and *printed* the cases of `faults/<its module>.txt`."""
    if {"text", "printed"} <= set(metafunc.fixturenames):
        name = metafunc.module.__name__.rpartition(".")[2].removeprefix("test_")
        metafunc.parametrize(("text", "printed"), _cases(FAULTS / f"{name}.txt"))


def _cases(table: Path) -> list[object]:
    cases = table.read_text(encoding="utf-8").removeprefix("=== ").split("\n=== ")
    parts: list[object] = []
    for case in cases:
        name, _, rest = case.partition("\n")
        text, _, printed = rest.partition(">>> printed\n")
        parts.append(pytest.param(text, f"{printed.rstrip()}\n", id=name))
    return parts


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a folder with a file of rows, a model, and a folder that holds none."""
    root = tmp_path / "project"
    for name in ("data", "tiny", "empty"):
        (root / name).mkdir(parents=True)
    (root / "data" / "rows.json").write_text("[]")
    (root / "data" / "notes.md").write_text("")
    (root / "tiny" / "config.json").write_text("{}")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def loaded(folder: Path) -> Callable[..., Project]:
    """Return a function that writes a project.yaml and loads it."""

    def load_text(text: str, **environment: str) -> Project:
        (folder / "project.yaml").write_text(text, encoding="utf-8")
        return load(Path("project.yaml"), environment)

    return load_text


@pytest.fixture
def refused(loaded: Callable[..., Project]) -> Callable[..., str]:
    """Return a function that loads a text with faults and gives all that is printed of them."""

    def refuse(text: str, **environment: str) -> str:
        with pytest.raises(ProjectError) as raised:
            loaded(text, **environment)
        return f"{raised.value}\n"

    return refuse
