"""Print the version of ftc, and with --all those of the libraries that it works with."""

from __future__ import annotations

import argparse
import platform

from ftc import __version__
from ftc.cli.console import Console
from ftc.cli.exits import Exit

LIBRARIES = ("torch", "transformers", "peft", "accelerate", "llama-cpp-python", "doit", "pydantic")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--all", action="store_true", help="with Python and the libraries")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print one line a thing."""
    from ftc.plan.libraries import installed

    versions = {"ftc": __version__}
    if arguments.all or console.json:
        versions["python"] = platform.python_version()
        versions |= {name: installed(name) or "not installed" for name in LIBRARIES}
    if console.json:
        console.records([{"type": "version", **versions}])
    else:
        console.data("\n".join(f"{name} {version}" for name, version in versions.items()))
    return Exit.DONE
