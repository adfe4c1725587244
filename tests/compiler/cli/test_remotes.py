"""Results shared between clones, by the real commands and real servers."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from command_line import Ftc, MakeProject
from remote_places import files_below, web_server
from s3_server import S3Server, s3_server

PROJECT = """\
version: 1
name: tiny
datasets:
  sums: {source: data/sums.json, holdout: {fraction: 0.25, seed: 1}}
remotes:
"""
SECRET = "secret-of-the-test"

Clones = Callable[[str], tuple[Ftc, Ftc]]


@pytest.fixture
def clones(project: MakeProject) -> Clones:
    """Return a function that gives a clone which has built all, and a bare one."""

    def make(remotes: str) -> tuple[Ftc, Ftc]:
        built, bare = (project(PROJECT + remotes, name=name) for name in ("built", "bare"))
        done = built("build", "sums", "--offline")
        assert done.returncode == 0, done.stderr
        return built, bare

    return make


@pytest.fixture
def s3() -> Iterator[S3Server]:
    """Run a server for one test."""
    with s3_server() as server:
        yield server


def events(ftc: Ftc, *arguments: str, **environment: str) -> list[str]:
    """Build, and return what happened to stages."""
    done = ftc("build", "sums", "--json", *arguments, **environment)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    return [event for event in told if event not in ("result", "warning")]


def test_a_bare_clone_builds_from_a_bucket_without_running_anything(
    clones: Clones, s3: S3Server, tmp_path: Path
) -> None:
    """And no secret is in anything that was written or printed."""
    built, bare = clones(
        "  team:\n    url: s3://team/tiny\n    access: read-write\n    storage_options:\n"
        f'      {{endpoint_url: {s3.url}, key: AKIATEST, secret: "${{TEAM_SECRET}}"}}\n'
    )
    pushed = built("push", "sums", TEAM_SECRET=SECRET)
    assert (pushed.returncode, pushed.stderr.partition("(")[0]) == (0, "1 stage pushed ")

    again = built("push", "sums", TEAM_SECRET=SECRET)
    happened = events(bare, TEAM_SECRET=SECRET)

    assert again.stdout == "dataset:sums  is in team\n"
    assert happened == ["restored"]
    assert bare.states() == {"dataset:sums": "fresh"}
    printed = "".join(text for done in (pushed, again) for text in (done.stdout, done.stderr))
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert SECRET not in printed
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []


def test_a_bucket_that_lets_nobody_in_is_a_warning_for_a_build(
    clones: Clones, s3: S3Server
) -> None:
    """For a push it is the end, in words and without a traceback or the secret."""
    built, bare = clones(
        "  team:\n    url: s3://team/tiny\n    access: read-write\n    storage_options:\n"
        f'      {{endpoint_url: {s3.url}, key: AKIATEST, secret: "${{TEAM_SECRET}}"}}\n'
    )
    with s3.refusing():
        pushed = built("push", "sums", TEAM_SECRET=SECRET)
        built_bare = bare("build", "sums", TEAM_SECRET=SECRET)
    unset = built("push", "sums")

    help = " = help: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for a public"
    help += " bucket write `storage_options: {anon: true}`\n"
    assert pushed.returncode == 1
    assert pushed.stderr == (
        "error[push]: dataset:sums: remote team: s3://team/tiny denies access\n"
        + help
        + "0 stages pushed (0 kB), 0 there already, 1 failed\n"
    )
    assert built_bare.returncode == 0
    assert built_bare.stderr.startswith(
        "warning: remote team: s3://team/tiny denies access; going on without it\n" + help
    )
    assert unset.returncode == 1
    assert "remote team: the environment has no variable TEAM_SECRET\n" in unset.stderr


def test_a_web_server_over_a_pushed_folder_gives_and_does_not_take(
    clones: Clones, tmp_path: Path
) -> None:
    """`ftc pull` fetches, `ftc push` names what may be done, and plain status asks nobody."""
    with web_server(tmp_path) as url:
        (tmp_path / "team").mkdir()
        built, bare = clones(f"  mirror: {{url: {url}/team}}\n")
        refused = built("push", "sums")
        (built.folder / "ftc.local.yaml").write_text(
            "remotes: {disk: {url: ../team, access: read-write}}\n"
        )
        pushed = built("push", "sums")
        asks_nobody = bare.states()
        asked = bare.states("--remote")
        pulled = bare("pull", "sums")
        again = bare("pull", "sums")

    assert refused.returncode == 2
    assert refused.stderr == (
        "error[read-only]: mirror: for reading only\n"
        " = help: write `access: read-write` at one, here or in ftc.local.yaml:"
        " most often on CI alone\n"
    )
    assert pushed.returncode == 0, pushed.stderr
    assert (asks_nobody, asked) == ({"dataset:sums": "stale"}, {"dataset:sums": "remote"})
    assert (pulled.returncode, again.returncode) == (0, 0)
    assert pulled.stdout.startswith("dataset:sums  pulled from mirror (")
    assert again.stdout == "dataset:sums  is here\n"
    assert bare.states() == {"dataset:sums": "fresh"}


def test_offline_asks_nobody(clones: Clones, tmp_path: Path) -> None:
    """What a remote has is made here."""
    built, bare = clones("  team: {url: ../team, access: read-write}\n")
    assert built("push", "sums").returncode == 0

    assert events(bare, "--offline") == ["started", "finished"]


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_a_file_that_only_a_remote_knows_is_explained(
    clones: Clones, kind: str, s3: S3Server, tmp_path: Path
) -> None:
    """In a clone with no store and no lock: the remote's records are listed and read."""
    options = f'{{endpoint_url: {s3.url}, key: AKIATEST, secret: "{SECRET}"}}'
    url = "../team" if kind == "folder" else "s3://team/tiny"
    lines = f"  team: {{url: {url}, access: read-write"
    lines += "}\n" if kind == "folder" else f", storage_options: {options}}}\n"
    built, bare = clones(lines)
    assert built("push", "sums").returncode == 0
    here = built("show", str(built.folder / "out" / "sums" / "train.jsonl"))
    copy = bare.folder / "copied.bin"
    copy.write_bytes((built.folder / "out" / "sums" / "train.jsonl").read_bytes())

    told = bare("show", "copied.bin")
    by_digest = bare("show", "sha256:" + hashlib.sha256(copy.read_bytes()).hexdigest())

    assert told.returncode == by_digest.returncode == 0, told.stderr
    assert told.stdout.splitlines()[1:] == here.stdout.splitlines()[1:]
    assert by_digest.stdout.splitlines()[1:] == here.stdout.splitlines()[1:]
    assert not (bare.folder / ".ftc" / "objects").exists()


def test_what_no_remote_has_is_told_by_pull(clones: Clones, tmp_path: Path) -> None:
    """Nothing is run; exit 1, and what would make it."""
    (tmp_path / "team").mkdir()
    _, bare = clones("  team: {url: ../team}\n")

    done = bare("pull", "sums")

    assert done.returncode == 1
    assert done.stderr == (
        "error[pull]: dataset:sums: no remote has it\n"
        " = help: `ftc build dataset:sums` makes it\n"
        "0 stages pulled (0 kB), 0 here already, 1 failed\n"
    )
    assert files_below(tmp_path / "team") == []


def test_without_remotes_push_and_pull_say_how_to_have_one(project: MakeProject) -> None:
    """Exit 2: the project is what is wrong."""
    ftc = project(PROJECT.replace("remotes:\n", ""))

    for command in ("push", "pull"):
        done = ftc(command)
        assert done.returncode == 2
        assert done.stderr == (
            "error[no-remote]: the project has no remotes\n"
            " = help: write remotes: {team: {url: s3://bucket/prefix, access: read-write}}\n"
        )


def test_a_server_that_says_nothing_holds_nobody_up(clones: Clones) -> None:
    """It takes the connection and is silent: given up after the time that is set."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/team"
        _, bare = clones(f"  mirror: {{url: {url}, storage_options: {{timeout: 1}}}}\n")
        done = bare("build", "sums")

    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(
        f"warning: remote mirror: {url} does not answer; going on without it\n"
    )


class HalfBlobs(SimpleHTTPRequestHandler):
    """A web server that breaks off in the middle of every blob."""

    def copyfile(self, source: object, outputfile: object) -> None:
        """Send half of a blob, and all of anything else."""
        data = source.read()  # type: ignore[attr-defined]
        half = len(data) // 2 if "/cas/" in self.path else len(data)
        outputfile.write(data[:half])  # type: ignore[attr-defined]
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_server_that_breaks_off_is_done_without(clones: Clones, tmp_path: Path) -> None:
    """The stage runs here, and nothing that came in part is used."""
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(HalfBlobs, directory=str(tmp_path))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        remotes = f"  mirror: {{url: http://127.0.0.1:{server.server_port}/team}}\n"
        built, bare = clones(remotes)
        (built.folder / "ftc.local.yaml").write_text(
            "remotes: {disk: {url: ../team, access: read-write}}\n"
        )
        assert built("push", "sums").returncode == 0
        happened = events(bare)
        server.shutdown()

    assert happened == ["started", "finished"]
    assert files_of(bare) == files_of(built)


def files_of(ftc: Ftc) -> list[str]:
    """Return the names of the objects in a store: digests of what is in them."""
    return sorted(path.name for path in (ftc.store / "objects").rglob("*") if path.is_file())


def test_nothing_of_fsspec_is_loaded_for_a_look(project: MakeProject) -> None:
    """Nor pydantic or yaml, once the plan is kept."""
    ftc = project(PROJECT + "  team: {url: s3://team/tiny}\n")
    ftc("status")

    done = ftc("status", PYTHONPROFILEIMPORTTIME="1")

    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()
    }
    assert loaded & {"fsspec", "s3fs", "aiohttp", "pydantic", "yaml"} == set()
