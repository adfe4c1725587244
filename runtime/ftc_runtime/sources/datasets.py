"""A hub's dataset: which files a split is made of, pinned and brought here."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from ftc_runtime.contract import Source
from ftc_runtime.sources.download import fetch, fetch_files, hub_of
from ftc_runtime.sources.repository import Listing, Repository, parse_dataset
from ftc_runtime.sources.splits import CARD, files_of


def resolve(uri: str, revision: str | None) -> Source:
    """Return a split pinned to the commit that the dataset is at now, with a digest for each file.

    Raises:
        StageError: if the dataset is not there, not open, or has no such subset or split.
    """
    repository, part = parse_dataset(uri)
    listing = hub_of(repository).listing(repository, revision)
    with TemporaryDirectory(prefix="ftc-") as folder:
        skeleton = Path(folder).resolve() / repository.name.rpartition("/")[2]
        _make_skeleton(skeleton, repository, listing)
        wanted = files_of(part, skeleton, repository)
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
