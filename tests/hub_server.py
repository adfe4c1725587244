"""A hub on loopback: it speaks as much of Hugging Face's and ModelScope's protocols as is used."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

REPO = r"((?:(?:models|datasets)/)?[^/]+/[^/]+)"


@dataclass
class Repo:
    """A repository with one commit. *lfs*: files that are stored apart, as large ones are."""

    files: dict[str, bytes]
    lfs: frozenset[str] = frozenset()
    gated: bool = False

    @property
    def commit(self) -> str:
        """A name that follows from the content."""
        return hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()


@dataclass
class Hub:
    """What the server has, does wrong on purpose, and was asked."""

    repos: dict[str, Repo] = field(default_factory=dict)
    """`org/name` of a model, `datasets/org/name` of a dataset."""
    changed: dict[str, bytes] = field(default_factory=dict)
    """Path -> what is served in its place, at the right size or not."""
    cut_after: dict[str, int] = field(default_factory=dict)
    """Path -> bytes after which the connection is cut, once."""
    asked: list[str] = field(default_factory=list)
    """`GET /path [range]`, in order."""
    tokens: set[str] = field(default_factory=set)
    """What came in Authorization headers."""
    url: str = ""


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve the hub on a free port of loopback."""
    handler = type("BoundHandler", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def git_blob(content: bytes) -> str:
    """Return the id that git gives a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer by the first route that fits."""
        url = urlsplit(self.path)
        path, query = unquote(url.path), parse_qs(url.query)
        asked = f"{self.command} {self.path} {self.headers.get('Range', '')}".strip()
        self.hub.asked.append(asked)
        self.hub.tokens.add(self.headers.get("Authorization", ""))
        routes: dict[str, Callable[..., None]] = {
            rf"/api/{REPO}(?:/revision/([^/]+))?": self._hf_info,
            rf"/api/{REPO}/tree/([^/]+)": self._hf_tree,
            rf"/{REPO}/resolve/([^/]+)/(.+)": self._hf_resolve,
            rf"/lfs/{REPO}/(.+)": self._hf_lfs,
        }
        for pattern, route in routes.items():
            if match := re.fullmatch(pattern, path):
                name, *more = match.groups()
                route(name.removeprefix("models/"), *more)
                return
        if match := re.fullmatch(rf"/api/v1/{REPO}/repo(/files|/tree)?", path):
            self._modelscope(match[1].removeprefix("models/"), query, listing=bool(match[2]))
            return
        self._fault(404, "EntryNotFound")

    def _open(self, name: str, revision: str | None) -> Repo | None:
        """Return a repository that may be read at a revision; answer with a fault otherwise."""
        repo = self.hub.repos.get(name)
        if repo is None:
            self._fault(404, "RepoNotFound")
        elif repo.gated and self.headers.get("Authorization") != "Bearer let-me-in":
            self._fault(403, "GatedRepo")
        elif revision not in (None, "main", "master", repo.commit):
            self._fault(404, "RevisionNotFound")
        else:
            return repo
        return None

    def _hf_info(self, name: str, revision: str | None) -> None:
        if repo := self._open(name, revision):
            files = [{"rfilename": path} for path in repo.files]
            self._json({"id": name, "modelId": name, "sha": repo.commit, "siblings": files})

    def _hf_tree(self, name: str, revision: str) -> None:
        repo = self._open(name, revision)
        if repo is None:
            return
        entries: list[dict[str, object]] = []
        for path, content in repo.files.items():
            entry: dict[str, object] = {"type": "file", "path": path, "size": len(content)}
            entry["oid"] = git_blob(content)
            if path in repo.lfs:
                oid = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"oid": oid, "size": len(content), "pointerSize": 134}
            entries.append(entry)
        self._json(entries)

    def _hf_resolve(self, name: str, revision: str, path: str) -> None:
        repo = self._open(name, revision)
        if repo is None:
            return
        if path not in repo.files:
            self._fault(404, "EntryNotFound")
            return
        content = repo.files[path]
        headers = {"X-Repo-Commit": repo.commit}
        if path in repo.lfs:
            headers["X-Linked-Etag"] = f'"{hashlib.sha256(content).hexdigest()}"'
            headers["X-Linked-Size"] = str(len(content))
            # Another host, as the hubs' storage is: the client follows no redirect of its own host.
            storage = self.hub.url.replace("127.0.0.1", "localhost")
            headers["Location"] = f"{storage}/lfs/{name}/{path}"
            self._send(302, b"", headers)
            return
        self._file(path, content, headers | {"ETag": f'"{git_blob(content)}"'})

    def _hf_lfs(self, name: str, path: str) -> None:
        self._file(path, self.hub.repos[name].files[path], {"ETag": '"storage"'})

    def _modelscope(self, name: str, query: dict[str, list[str]], *, listing: bool) -> None:
        repo = self.hub.repos.get(name)
        revision = query.get("Revision", ["master"])[0]
        if repo is None or revision not in ("master", repo.commit):
            self._json({"Code": 10010205001, "Message": "not found", "Success": False}, 404)
        elif repo.gated:
            self._json({"Code": 10010205006, "Message": "no access", "Success": False}, 403)
        elif listing:
            files = [self._modelscope_file(repo, path) for path in repo.files]
            self._json({"Code": 200, "Data": {"Files": files}, "Success": True})
        else:
            path = query["FilePath"][0]
            self._file(path, repo.files[path], {})

    def _modelscope_file(self, repo: Repo, path: str) -> dict[str, object]:
        content = repo.files[path]
        return {
            "Path": path,
            "Name": path.rpartition("/")[2],
            "Type": "blob",
            "Size": len(content),
            "Sha256": hashlib.sha256(content).hexdigest(),
            "Revision": repo.commit,
            "CommittedDate": 1_700_000_000,
        }

    def _file(self, path: str, content: bytes, headers: dict[str, str]) -> None:
        """Send a file or the range of it that was asked for, with the faults that are wanted."""
        content = self.hub.changed.get(path, content)
        status, start = 200, 0
        if match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            status, start = 206, int(match[1])
            stop = int(match[2]) + 1 if match[2] else len(content)
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
            content = content[:stop]
        headers["Accept-Ranges"] = "bytes"
        if self.command == "GET" and path in self.hub.cut_after:
            cut = self.hub.cut_after.pop(path)
            self._send(status, content[start:], headers, cut=cut)
            return
        self._send(status, content[start:], headers)

    def _json(self, value: object, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _fault(self, status: int, code: str) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": code}
        self._send(status, json.dumps({"error": code}).encode(), headers)

    def _send(
        self, status: int, body: bytes, headers: dict[str, str], *, cut: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True
