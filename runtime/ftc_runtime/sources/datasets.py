"""A hub's dataset: which files a split is made of, pinned and brought here."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from ftc_runtime.contract import Source
from ftc_runtime.errors import StageError
from ftc_runtime.sources.download import fetch, fetch_files, hub_of
from ftc_runtime.sources.repository import Listing, Part, Repository, parse_dataset

CARD = "README.md"
"""Its header says which files make up which split of which subset."""
EXTRA = "pip install 'ftc[data]'"


def resolve(uri: str, revision: str | None) -> Source:
    """Return a split pinned to the commit that the dataset is at now, with a digest for each file.

    Raises:
        StageError: if the dataset is not there, not open, or has no such subset or split.
    """
    repository, part = parse_dataset(uri)
    listing = hub_of(repository).listing(repository, revision)
    with TemporaryDirectory(prefix="ftc-") as folder:
        skeleton = Path(folder) / repository.name.rpartition("/")[2]
        _make_skeleton(skeleton, repository, listing)
        wanted = _files_of(part, skeleton, repository)
    digests = {file.path: file.digest for file in listing.files}
    return Source(
        uri=uri,
        revision=listing.commit,
        files={path: digests[path] for path in sorted(wanted)},
    )


def download(source: Source, *, work: Path) -> Path:
    """Bring the files of a pinned split into a folder under *work* and return it.

    Raises:
        StageError: if a file is gone, or its bytes are not those that were pinned.
    """
    repository, _ = parse_dataset(source.uri)
    return fetch_files(source, repository, work=work, taken=lambda path: True)


def _make_skeleton(folder: Path, repository: Repository, listing: Listing) -> None:
    """Make the repository's tree of empty files, with its card: all that splits are told from."""
    folder.mkdir()
    for file in listing.files:
        path = PurePosixPath(file.path)
        if ".." in path.parts or path.is_absolute() or path.suffix == ".py":
            continue
        if file.path == CARD:
            fetch(
                hub_of(repository), repository, file=file, commit=listing.commit,
                folder=folder, received=lambda size: None,
            )  # fmt: skip
            continue
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()


def _files_of(part: Part, skeleton: Path, repository: Repository) -> list[str]:
    """Return the paths of a split's files, by the rules of the library that the hub is made for."""
    try:
        import datasets
    except ModuleNotFoundError as missing:
        message = "a dataset of a hub needs the library datasets, which is not installed"
        raise StageError(message, EXTRA) from missing
    logging.getLogger("datasets").setLevel(logging.ERROR)  # a subset's options, for each subset
    place = str(skeleton)
    try:
        subset = _subset(part, datasets.get_dataset_config_names(place), repository)
        builder = datasets.load_dataset_builder(
            place, subset, data_dir=part.folder, cache_dir=str(skeleton.parent / "cache")
        )
    except (ValueError, FileNotFoundError, RuntimeError) as error:
        raise StageError(
            f"{repository.shown} has no files of rows that can be told apart: {_line(error)}",
            "Check `subset` and `folder`; of a dataset that is a script, "
            "`revision: refs/convert/parquet` has the rows",
        ) from error
    splits = {str(name): files for name, files in (builder.config.data_files or {}).items()}
    if part.split not in splits:
        raise StageError(
            f"{repository.shown} has no split {part.split}", f"It has {_words(list(splits))}"
        )
    return [Path(file).relative_to(skeleton).as_posix() for file in splits[part.split]]


def _subset(part: Part, known: Sequence[str], repository: Repository) -> str | None:
    """Return the subset that is meant. None: the only one, or the one that the card prefers."""
    if part.subset is None or part.subset in known:
        return part.subset
    raise StageError(f"{repository.shown} has no subset {part.subset}", f"It has {_words(known)}")


def _words(names: Sequence[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
