"""Which files make up a split, by the rules of the library that the hubs' datasets are made for."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from ftc_runtime.errors import StageError
from ftc_runtime.foreign import first_line
from ftc_runtime.sources.repository import Part, Repository

CARD = "README.md"
"""Its header says which files make up which split of which subset."""


def files_of(part: Part, skeleton: Path, repository: Repository) -> list[str]:
    """Return the paths of a split's files. *skeleton* has all files of the repository, empty.

    Raises:
        StageError: if there is no such subset or split.
    """
    try:
        import datasets
    except ModuleNotFoundError as missing:
        message = "a dataset of a hub needs the library datasets, which is not installed"
        raise StageError(message, "pip install 'ftc[data]'") from missing
    logging.getLogger("datasets").setLevel(logging.ERROR)  # a subset's options, for each subset
    place = str(skeleton)
    try:
        known = datasets.get_dataset_config_names(place)
        usual = datasets.get_dataset_default_config_name(place)
        subset = _subset(part, known, usual, repository)
        builder = datasets.load_dataset_builder(
            place, subset, data_dir=part.folder, cache_dir=str(skeleton.parent / "cache")
        )
    except (ValueError, FileNotFoundError, RuntimeError) as error:
        reason = first_line(error).partition(" with any supported extension")[0]
        raise StageError(
            f"{repository.shown} has no files of rows that can be told apart: {reason}",
            "Check `subset` and `folder`; of a dataset that is a script, "
            "`revision: refs/convert/parquet` has the rows",
        ) from error
    splits = {str(name): files for name, files in (builder.config.data_files or {}).items()}
    if part.split not in splits:
        raise StageError(
            f"{repository.shown} has no split {part.split}", f"It has {_words(list(splits))}"
        )
    elsewhere = [file for file in splits[part.split] if "://" in file]
    if elsewhere:
        message = f"{repository.shown} has rows that are not its own: {elsewhere[0]}"
        raise StageError(message, "Write that URL as the source")
    return [Path(file).relative_to(skeleton).as_posix() for file in splits[part.split]]


def _subset(
    part: Part, known: Sequence[str], usual: str | None, repository: Repository
) -> str | None:
    """Return the subset that is meant. *usual* is the only one, or the one that the card prefers.

    Raises:
        StageError: if there is no such subset, or one has to be named.
    """
    if part.subset in known or (part.subset is None and usual is not None):
        return part.subset
    names = sorted(known)
    if part.subset is None:
        raise StageError(
            f"{repository.shown} has several subsets, and none that goes before",
            f"Name one: `subset: {names[0]}` or {', '.join(names[1:])}",
        )
    raise StageError(f"{repository.shown} has no subset {part.subset}", f"It has {_words(known)}")


def _words(names: Sequence[str]) -> str:
    return ", ".join(sorted(names)) or "none"
