"""Opens the place that an address means. The only module that imports fsspec."""

from __future__ import annotations

import logging
import os
from importlib import import_module
from pathlib import Path
from typing import Any

from ftc.project.remotes import DIRECTORY, MIRRORS, expanded, protocol_of
from ftc.store.remotes.bucket import Bucket
from ftc.store.remotes.directory import Directory
from ftc.store.remotes.faults import fault_of
from ftc.store.remotes.mirror import Mirror
from ftc.store.remotes.place import Address, Place, RemoteFault

CONNECT_SECONDS = 10
SILENT_SECONDS = 30
"""A server that says nothing for so long is given up."""
CONNECTIONS = 64
TRIES = 2
EXTRAS = {"s3": ("s3fs", "ftc[s3]"), "gs": ("gcsfs", "ftc[gcs]")}
LOGGERS = ("aiobotocore", "asyncio", "botocore", "fsspec", "gcsfs", "google", "s3fs")
MIRROR_EXTRA = ("aiohttp", "ftc[http]")


def open_place(address: Address) -> Place:
    """Return what answers at an address. Nothing is asked of it yet.

    Raises:
        RemoteFault: if a library or a variable for it is missing, or an option is wrong.
    """
    protocol = protocol_of(address.url)
    if protocol == DIRECTORY:
        path = Path(address.url.removeprefix("file://")).expanduser()
        root = Path(os.path.normpath(address.folder / path))
        return Directory(address.name, root, writable=address.writable)
    options = _options(address)
    library, extra = EXTRAS.get(protocol, MIRROR_EXTRA)
    _quieten()
    try:
        import_module(library)
        import fsspec
    except ImportError:
        message = f"remote {address.name}: {protocol}:// needs {library}"
        raise RemoteFault(message, f"pip install '{extra}'") from None
    defaults = {"s3": _s3, "gs": _gs}.get(protocol, _http)(options)
    try:
        filesystem = fsspec.filesystem(
            protocol, skip_instance_cache=True, use_listings_cache=False, **options, **defaults
        )
    except Exception as error:
        # Whatever a user's options make of a constructor, and credentials that cannot be read.
        raise fault_of(error, address._replace(options=options)) from None
    filesystem.retries = TRIES
    opened = address._replace(options=options)
    return Mirror(opened, filesystem) if protocol in MIRRORS else Bucket(opened, filesystem)


def _quieten() -> None:
    """What fails is told once, by a RemoteFault: the libraries log tracebacks of their own."""
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    # An experiment of gcsfs asks another service what kind of bucket it is, for up to a minute.
    os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")


def _options(address: Address) -> dict[str, Any]:
    """The options with the environment's values in them."""
    value, refusals = expanded(address.options, os.environ)
    if refusals:
        message = f"remote {address.name}: {refusals[0].message}"
        raise RemoteFault(message, refusals[0].help)
    return value if isinstance(value, dict) else {}


def _s3(options: dict[str, Any]) -> dict[str, Any]:
    limits = {
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": SILENT_SECONDS,
        "retries": {"max_attempts": 1},
        "max_pool_connections": CONNECTIONS,
    }
    return {"config_kwargs": limits | options.pop("config_kwargs", {})}


def _gs(options: dict[str, Any]) -> dict[str, Any]:
    return {
        # The service says the md5 of what it got.
        "consistency": options.pop("consistency", "md5"),
        "requests_timeout": options.pop("requests_timeout", SILENT_SECONDS * 10),
    }


def _http(options: dict[str, Any]) -> dict[str, Any]:
    """Limits as aiohttp has them, which YAML cannot write: `timeout` is the longest silence."""
    from aiohttp import ClientTimeout

    timeout = ClientTimeout(
        total=None,
        sock_connect=CONNECT_SECONDS,
        sock_read=options.pop("timeout", SILENT_SECONDS),
    )
    client = {"timeout": timeout, "trust_env": True}
    return {"client_kwargs": client | options.pop("client_kwargs", {})}
