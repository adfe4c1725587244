"""Rows in cloud storage: one file, a folder or a pattern, through fsspec.

No storage says the digest of what it holds in the same way, so pinning reads the files once.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ftc_runtime.contract import Source
from ftc_runtime.errors import StageError
from ftc_runtime.foreign import first_line
from ftc_runtime.sources.download import Meter
from ftc_runtime.sources.repository import digest_of
from ftc_runtime.sources.trouble import Trouble, trouble_of

try:
    import fsspec
except ModuleNotFoundError as missing:
    raise StageError(
        "cloud storage needs fsspec, which is not installed",
        "pip install 'ftc[s3]', 'ftc[gcs]' or 'ftc[http]'",
    ) from missing

LIBRARIES = {
    "s3": ("s3fs", "'ftc[s3]'"),
    "gs": ("gcsfs", "'ftc[gcs]'"),
    "gcs": ("gcsfs", "'ftc[gcs]'"),
    "http": ("aiohttp", "'ftc[http]'"),
    "https": ("aiohttp", "'ftc[http]'"),
    "az": ("adlfs", "adlfs"),
    "abfs": ("adlfs", "adlfs"),
    "oss": ("ossfs", "ossfs"),
}
CREDENTIALS = {
    "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; "
    "for a public bucket FSSPEC_S3_ANON=true",
    "gs": "Set GOOGLE_APPLICATION_CREDENTIALS to a key file, or run `gcloud auth "
    "application-default login`",
}
ELSEWHERE = "Bring it here, and write a path"
WEB = ("http", "https")
CONNECT_SECONDS = 10
SILENT_SECONDS = 60
"""A server that says nothing for so long is given up."""
CHUNK = 1 << 20


class Place(NamedTuple):
    """A URL opened: where its files are, by their names below *base*."""

    uri: str
    filesystem: Any
    base: str
    names: dict[str, str]
    """Name below *base* -> what the file system calls it."""


def resolve(uri: str) -> Source:
    """Return the files of a URL with the digests that they have now.

    The revision of the pin is a digest of them all.

    Raises:
        StageError: if there is nothing, or it is not open.
    """
    with told(uri):
        place = _opened(uri)
        files = {name: f"sha256:{_digest(place, remote)}" for name, remote in place.names.items()}
    everything = hashlib.sha256("\n".join(f"{files[name]} {name}" for name in files).encode())
    return Source(uri=uri, revision=everything.hexdigest()[:40], files=files)


def download(source: Source, *, work: Path) -> Path:
    """Bring the pinned files into a folder under *work* and return it.

    What an earlier run brought whole is used again. Progress is told in bytes.

    Raises:
        StageError: if a file is gone, or its bytes are not those that were pinned.
    """
    folder = work / "download"
    with told(source.uri):
        place = _opened(source.uri)
        gone = sorted(source.files.keys() - place.names.keys())
        if gone:
            raise StageError(
                f"{source.uri} no longer has {', '.join(gone)}", "Pin it again: ftc lock --upgrade"
            )
        remotes = {name: place.names[name] for name in source.files}
        sizes = [place.filesystem.info(remote).get("size") for remote in remotes.values()]
        meter = Meter(sum(size or 0 for size in sizes))
        for name, remote in remotes.items():
            _fetch(place, remote, folder / name, digest=source.files[name], received=meter.add)
    meter.tell()
    return folder


def _fetch(
    place: Place, remote: str, path: Path, *, digest: str, received: Callable[[int], None]
) -> None:
    if path.is_file() and digest_of(path, digest) == digest:
        received(path.stat().st_size)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for chunk in _chunks(place, remote):
            file.write(chunk)
            received(len(chunk))
    if digest_of(path, digest) != digest:
        path.unlink()
        raise StageError(
            f"{path.name} of {place.uri} is not what was pinned",
            "If it was changed on purpose, pin it again: ftc lock --upgrade",
        )


def _digest(place: Place, remote: str) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(place, remote):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(place: Place, remote: str) -> Iterator[bytes]:
    # 0 is one stream: a web server need not know ranges.
    block_size = 0 if place.uri.startswith(WEB) else CHUNK * 8
    with place.filesystem.open(remote, "rb", block_size=block_size) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _opened(uri: str) -> Place:
    protocol = uri.partition("://")[0]
    # An experiment of gcsfs asks another service what kind of bucket it is, for up to a minute.
    os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    try:
        filesystem, path = fsspec.core.url_to_fs(
            uri, skip_instance_cache=True, use_listings_cache=False, **_limits(protocol)
        )
    except ImportError as missing:
        library, name = LIBRARIES.get(protocol, (missing.name or "a library", ""))
        hint = f"pip install {name}" if name else str(missing)
        raise StageError(f"{protocol}:// needs {library}, which is not installed", hint) from None
    except (ValueError, OSError) as error:
        raise StageError(f"{uri} cannot be read: {first_line(error)}", ELSEWHERE) from error
    if protocol in WEB:
        base, _, name = uri.partition("?")[0].rpartition("/")
        return Place(uri, filesystem, base, {name: path})
    return _listed(uri, filesystem, path.rstrip("/"))


def _listed(uri: str, filesystem: Any, path: str) -> Place:
    if any(mark in path for mark in "*?["):
        try:
            found = [name for name in filesystem.glob(path) if filesystem.isfile(name)]
        except ValueError as error:
            raise StageError(
                f"{uri} is no pattern: {error}", "Write *.jsonl, or **/*.jsonl"
            ) from None
        before = path[: min(path.index(mark) for mark in "*?[" if mark in path)]
        base = before.rpartition("/")[0]
    elif filesystem.isfile(path):
        found, base = [path], path.rpartition("/")[0]
    else:
        found, base = filesystem.find(path), path
    names = {name.removeprefix(f"{base}/"): name for name in sorted(found)}
    names = {name: remote for name, remote in names.items() if not _is_hidden(name)}
    if not names:
        raise StageError(f"there is no file at {uri}", "Check the URL")
    return Place(uri, filesystem, base, names)


def _is_hidden(name: str) -> bool:
    """Is it, or a folder above it, one that tools leave behind?"""
    return any(part.startswith((".", "_")) or not part for part in name.split("/"))


def _limits(protocol: str) -> dict[str, Any]:
    if protocol == "s3":
        limits = {"connect_timeout": CONNECT_SECONDS, "read_timeout": SILENT_SECONDS}
        return {"config_kwargs": limits | {"retries": {"max_attempts": 2}}}
    if protocol in WEB:
        from aiohttp import ClientTimeout

        timeout = ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENT_SECONDS)
        return {"client_kwargs": {"timeout": timeout, "trust_env": True}}
    return {}


@contextmanager
def told(uri: str) -> Iterator[None]:
    """Turn the libraries' errors into what the user can do about them."""
    protocol = uri.partition("://")[0]
    credentials = CREDENTIALS.get(protocol.replace("gcs", "gs"), "Check its credentials")
    try:
        yield
    except StageError:
        raise
    except FileNotFoundError as error:
        raise StageError(f"there is no file at {uri}", "Check the URL") from error
    except Exception as error:
        if type(error).__name__ == "FileExpired":
            raise StageError(f"{uri} changed while it was read", "Build again") from error
        match trouble_of(error):
            case Trouble.NO_CREDENTIALS:
                raise StageError(f"there are no credentials for {uri}", credentials) from error
            case Trouble.DENIED:
                raise StageError(f"{uri} is not open to you", credentials) from error
            case Trouble.UNREACHABLE:
                raise StageError(f"{uri} does not answer", "Check the network") from error
            case None if isinstance(error, OSError) and error.errno != errno.ENOSPC:
                raise StageError(f"{uri} cannot be read: {first_line(error)}", ELSEWHERE) from error
            case None:
                raise  # a full disk is told as such for every stage
