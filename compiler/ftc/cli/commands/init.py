"""Start a project in this folder, or copy a recipe to own. Never overwrites a file."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.diagnostics import Diagnostic, ProjectError, did_you_mean

EXAMPLES = "examples:\n  ftc init\n  ftc init --recipe sweep\n  ftc init --list"

FIRST_RECIPE = "demo"
IGNORED = (".ftc/", "out/", "ftc.local.yaml")
NOT_COPIED = ("expected.json", "__pycache__")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--recipe", metavar="NAME", default=FIRST_RECIPE, help="what to copy")
    parser.add_argument("--list", action="store_true", help="list the recipes")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Copy the recipe's files here and ignore what ftc makes."""
    recipes = recipes_folder()
    if arguments.list:
        _list(recipes, console)
        return Exit.DONE
    recipe = _recipe(arguments.recipe, recipes)
    here = Path.cwd()
    files = [
        path.relative_to(recipe)
        for path in sorted(recipe.rglob("*"))
        if path.is_file() and path.name not in NOT_COPIED
    ]
    _refuse_to_overwrite(files, here)
    for file in files:
        (here / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(recipe / file, here / file)
    _ignore(here / ".gitignore")
    if console.json:
        console.records({"type": "created", "path": file.as_posix()} for file in files)
    else:
        console.talk(f"created {', '.join(file.as_posix() for file in files)}")
        console.talk("next:\n  ftc check\n  ftc build")
    return Exit.DONE


def recipes_folder() -> Path:
    """Return where the recipes lie: in a checkout beside the packages, else in the environment."""
    checkout = Path(__file__).parents[4] / "recipes"
    return checkout if checkout.is_dir() else Path(sys.prefix) / "share" / "ftc" / "recipes"


def _names(recipes: Path) -> list[str]:
    return sorted(path.parent.name for path in recipes.glob("*/project.yaml"))


def _list(recipes: Path, console: Console) -> None:
    for name in _names(recipes):
        lines = (recipes / name / "README.md").read_text(encoding="utf-8").splitlines()
        summary = next((line for line in lines if line and not line.startswith("#")), "")
        if console.json:
            console.records([{"type": "recipe", "name": name, "summary": summary}])
        else:
            console.data(f"{name:<12}{summary}")


def _recipe(name: str, recipes: Path) -> Path:
    names = _names(recipes)
    if name in names:
        return recipes / name
    guess = did_you_mean(name, names)
    hint = f"did you mean `{guess}`?" if guess else f"there are: {', '.join(names)}"
    raise ProjectError([Diagnostic("unknown-recipe", f"there is no recipe `{name}`", help=hint)])


def _refuse_to_overwrite(files: list[Path], here: Path) -> None:
    there = [file for file in files if (here / file).exists()]
    if there:
        raise ProjectError(
            [
                Diagnostic("exists", f"{file} exists already and is left as it is")
                for file in there[:-1]
            ]
            + [
                Diagnostic(
                    "exists",
                    f"{there[-1]} exists already and is left as it is",
                    help="nothing was copied: run `ftc init` in an empty folder",
                )
            ]
        )


def _ignore(path: Path) -> None:
    """Add what ftc makes to .gitignore, keeping what is there."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [line for line in IGNORED if line not in text.splitlines()]
    if missing:
        gap = "" if not text or text.endswith("\n") else "\n"
        path.write_text(text + gap + "".join(f"{line}\n" for line in missing), encoding="utf-8")
