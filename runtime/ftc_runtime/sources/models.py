"""A hub's model: which of its files it is made of, pinned and brought here."""

from __future__ import annotations

from pathlib import Path

from ftc_runtime.contract import Source
from ftc_runtime.errors import StageError
from ftc_runtime.models.files import is_code, wanted
from ftc_runtime.sources.download import fetch_files, hub_of
from ftc_runtime.sources.repository import Listing, RemoteFile, Repository, parse


def resolve(uri: str, revision: str | None) -> Source:
    """Return a hub's model pinned to the commit that it is at now, with a digest for each file.

    Raises:
        StageError: if the model is not there, not open, or has no safetensors.
    """
    repository = parse(uri)
    listing = hub_of(repository).listing(repository, revision)
    files = _taken(repository, listing, code=True)
    return Source(
        uri=uri,
        revision=listing.commit,
        files={file.path: file.digest for file in sorted(files.values(), key=lambda f: f.path)},
    )


def _taken(repository: Repository, listing: Listing, *, code: bool) -> dict[str, RemoteFile]:
    """Return the files that make up the model, by their paths in the folder that is meant."""
    inside = {
        relative: file
        for file in listing.files
        if (relative := repository.relative(file.path)) is not None
    }
    if repository.is_file and inside:
        return inside
    try:
        return {name: inside[name] for name in wanted(inside, code=code)}
    except StageError as fault:
        where = f" in {repository.inside}" if repository.inside else ""
        message = f"{repository.shown}{where}: {fault.message}"
        raise StageError(message, fault.hint) from fault


def download(source: Source, *, work: Path, code: bool) -> Path:
    """Bring the files of a pinned model into a folder under *work* and return it.

    Raises:
        StageError: if a file is gone, or its bytes are not those that were pinned.
    """
    repository = parse(source.uri)
    folder = fetch_files(
        source, repository, work=work, taken=lambda path: code or not is_code(path)
    )
    return folder / repository.inside if not repository.is_file else folder
