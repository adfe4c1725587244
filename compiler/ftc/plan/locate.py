"""Where a source lies on this machine, from its URI alone."""

from __future__ import annotations

from pathlib import Path

PACKAGE = "package://"
SCRATCH = "scratch://"
HUBS = ("hf://", "ms://")


def is_afar(uri: str) -> bool:
    """Say whether a source is on a hub or in cloud storage: what it is now stands in ftc.lock."""
    return "://" in uri and not uri.startswith((PACKAGE, SCRATCH))


def is_cloud(uri: str) -> bool:
    """Say whether a source is in cloud storage."""
    return is_afar(uri) and not uri.startswith(HUBS)


def locate(uri: str, root: Path) -> Path | None:
    """Return the path of a file, folder or package's file; None for what is afar and for scratch://.

    A path that does not exist is returned all the same: what is missing is found when it is read.
    None is returned for the file of a package that is not installed.
    """
    if is_afar(uri) or uri.startswith(SCRATCH):
        return None
    if uri.startswith(PACKAGE):
        return _in_package(uri.removeprefix(PACKAGE))
    return root / Path(uri).expanduser()


def _in_package(address: str) -> Path | None:
    from importlib import metadata

    distribution, _, wanted = address.partition("/")
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return None
    fitting = [file for file in files if file.as_posix().endswith(f"/{wanted}")]
    exact = [file for file in files if file.as_posix() == wanted]
    for file in [*exact, *sorted(fitting, key=lambda path: len(path.parts))]:
        return Path(str(file.locate()))
    return None
