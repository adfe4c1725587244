"""Remotes for tests: a folder, a bucket of a real S3 server, a real web server; all on loopback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ftc.store.remotes.filesystem import open_place
from ftc.store.remotes.place import Address, RemoteFault
from ftc.store.remotes.remote import Remote
from ftc.store.remotes.remotes import Remotes
from ftc.store.store import Store

WEB_SERVER = """
import http.server, sys
handler = lambda *words: http.server.SimpleHTTPRequestHandler(*words, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def address(url: str | Path, *, writable: bool = True, **options: object) -> Address:
    """Return the address of a remote named `team`."""
    return Address("team", str(url), writable, dict(options), Path("/"))  # type: ignore[arg-type]


def remote(url: str | Path, *, writable: bool = True, **options: object) -> Remote:
    """Return a remote named `team`."""
    return Remote(address(url, writable=writable, **options), open_place)


def supply(store: Store, *remotes: Remote, lost: list[RemoteFault] | None = None) -> Remotes:
    """Return remotes as a build uses them; *lost* keeps those that did not answer."""
    return Remotes(store, remotes, lost=(lost if lost is not None else []).append)


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Serve a folder as `python -m http.server` does; give its url."""
    process = subprocess.Popen(
        [sys.executable, "-c", WEB_SERVER, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


def files_below(folder: Path) -> Sequence[str]:
    """Return the names of the blobs and records in a folder, sorted."""
    return sorted(
        str(path.relative_to(folder))
        for part in ("cas", "ac")
        for path in (folder / part).rglob("*")
        if path.is_file()
    )
