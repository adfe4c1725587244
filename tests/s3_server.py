"""A real S3 server on loopback, in a process of its own: moto's."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

BUCKET = "team"
WRONG_FROM_NOW = b"0"
ALL_ARE_RIGHT = b"1000000000"

SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class S3Server:
    """Where it listens, and how to spoil it."""

    url: str
    process: subprocess.Popen[str]

    def put(self, name: str, data: bytes) -> None:
        """Put an object into the bucket, over what is there."""
        self._ask("PUT", f"{BUCKET}/{name}", data)

    def delete(self, name: str) -> None:
        """Delete an object."""
        self._ask("DELETE", f"{BUCKET}/{name}")

    def names(self) -> list[str]:
        """Return the names of all objects."""
        text = self._ask("GET", f"{BUCKET}?list-type=2").decode()
        return [part.partition("</Key>")[0] for part in text.split("<Key>")[1:]]

    def empty(self) -> None:
        """Make the bucket anew."""
        self._ask("POST", "moto-api/reset")
        self._ask("PUT", BUCKET)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Let no credentials be the right ones meanwhile."""
        self._ask("POST", "moto-api/reset-auth", WRONG_FROM_NOW)
        try:
            yield
        finally:
            self._ask("POST", "moto-api/reset-auth", ALL_ARE_RIGHT)

    def _ask(self, method: str, path: str, data: bytes | None = None) -> bytes:
        # Or else a form is expected, and the data gone.
        headers = {"Content-Type": "application/octet-stream"}
        request = urllib.request.Request(f"{self.url}/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            content: bytes = answer.read()
        return content


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run a server that has one empty bucket."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        server = S3Server(f"http://127.0.0.1:{port}", process)
        server.empty()
        yield server
    finally:
        process.kill()
        process.wait()
