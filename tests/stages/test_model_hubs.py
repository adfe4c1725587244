"""Models from hubs: the real clients against a server on loopback that speaks their protocols."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub_server import Hub, Repo, git_blob, serving
from stage_runs import StageRun, run_stage

CONFIG = b'{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 4}\n'
HEADER = json.dumps({"w": {"dtype": "F32", "shape": [30000], "data_offsets": [0, 120000]}}).encode()
WEIGHTS = len(HEADER).to_bytes(8, "little") + HEADER + bytes(range(250)) * 480
FILES = {
    "README.md": b"# a model\n",
    "config.json": CONFIG,
    "model.safetensors": WEIGHTS,
    "tokenizer.json": b"{}\n",
    "pytorch_model.bin": b"pickle",
    "modeling_own.py": b"raise SystemExit\n",
    "onnx/model.onnx": b"onnx",
    "small/config.json": CONFIG,
    "small/model.safetensors": WEIGHTS[:-120000] + b"\1" * 120000,
}
LONG_HEADER = HEADER.replace(b"30000", b"6000000").replace(b"120000", b"24000000")
LONG_WEIGHTS = len(LONG_HEADER).to_bytes(8, "little") + LONG_HEADER + bytes(range(250)) * 96_000
LARGE = frozenset({"model.safetensors", "small/model.safetensors"})
SHA256 = f"sha256:{hashlib.sha256(WEIGHTS).hexdigest()}"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub with a good model, one that is gated, one that is long, one of pickles."""
    repos = {
        "acme/tiny": Repo(FILES, LARGE),
        "acme/gated": Repo(FILES, LARGE, gated=True),
        "acme/long": Repo(FILES | {"model.safetensors": LONG_WEIGHTS}, LARGE),
        "acme/pickles": Repo({"config.json": CONFIG, "pytorch_model.bin": b"pickle"}),
    }
    with serving(Hub(repos)) as hub:
        yield hub


def environment(hub: Hub, home: Path) -> dict[str, str]:
    """Return variables that point both clients at the server, and at an empty home."""
    return {
        "HF_ENDPOINT": hub.url,
        "MODELSCOPE_ENDPOINT": hub.url,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_ETAG_TIMEOUT": "5",
        "HOME": str(home),
        "MODELSCOPE_LOG_LEVEL": "40",
    }


def resolve(hub: Hub, folder: Path, uri: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run the `resolve` command in its process."""
    spec = folder / "resolve.json"
    spec.write_text(json.dumps({"command": "resolve", "uri": uri} | more))
    return subprocess.run(
        [sys.executable, "-P", "-m", "ftc_runtime", str(spec)],
        capture_output=True,
        text=True,
        env=os.environ | environment(hub, folder),
        check=False,
    )


def failure(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a failed command says to people, without its events."""
    assert (done.returncode, done.stdout) == (1, "")
    return "\n".join(
        line for line in done.stderr.splitlines() if line.startswith(("error", "  help"))
    )


def bring(hub: Hub, folder: Path, source: dict[str, Any], **params: Any) -> StageRun:
    """Run the `model` stage on a pinned source."""
    return run_stage(
        "model", folder, inputs={}, params=params, source=source,
        environment=environment(hub, folder),
    )  # fmt: skip


def pinned(hub: Hub, folder: Path, uri: str = "hf://acme/tiny") -> dict[str, Any]:
    """Return what `resolve` answers."""
    done = resolve(hub, folder, uri)
    assert done.returncode == 0, done.stderr
    source: dict[str, Any] = json.loads(done.stdout)
    return source


def test_resolve_pins_a_hugging_face_model_to_a_commit_and_digests(
    hub: Hub, tmp_path: Path
) -> None:
    """Large files carry their sha256, small ones their git id; what is no model is left out."""
    done = resolve(hub, tmp_path, "hf://acme/tiny")

    assert json.loads(done.stdout) == {
        "uri": "hf://acme/tiny",
        "path": None,
        "revision": hub.repos["acme/tiny"].commit,
        "files": {
            "config.json": f"git:{git_blob(CONFIG)}",
            "model.safetensors": SHA256,
            "modeling_own.py": f"git:{git_blob(FILES['modeling_own.py'])}",
            "tokenizer.json": f"git:{git_blob(FILES['tokenizer.json'])}",
        },
    }


def test_a_subfolder_of_a_repository_is_a_model_too(hub: Hub, tmp_path: Path) -> None:
    """`hf://org/name/folder` takes that folder's files alone, and they land at the top."""
    run = bring(hub, tmp_path / "stage", pinned(hub, tmp_path, "hf://acme/tiny/small"))

    assert run.failure is None, run.log
    model = run.outputs["model"]
    assert sorted(path.name for path in model.iterdir()) == ["config.json", "model.safetensors"]
    assert (model / "model.safetensors").read_bytes() == FILES["small/model.safetensors"]


@pytest.mark.parametrize("uri", ["hf://acme/tiny", "ms://acme/tiny"])
def test_a_model_is_downloaded_and_checked(hub: Hub, tmp_path: Path, uri: str) -> None:
    """Every file is what was pinned; Python and pickles stay behind; progress is in bytes."""
    run = bring(hub, tmp_path / "stage", pinned(hub, tmp_path, uri))

    assert run.failure is None, run.log
    found = {path.name: path.read_bytes() for path in run.outputs["model"].iterdir()}
    taken = ("config.json", "model.safetensors", "tokenizer.json")
    assert found == {name: FILES[name] for name in taken}
    total = sum(len(FILES[name]) for name in taken)
    bytes_told = [event for event in run.events if event.get("unit") == "byte"]
    assert (bytes_told[-1]["done"], bytes_told[-1]["total"]) == (total, total)


def test_trust_remote_code_takes_python_along(hub: Hub, tmp_path: Path) -> None:
    """Only then."""
    run = bring(hub, tmp_path / "stage", pinned(hub, tmp_path), trust_remote_code=True)

    assert (run.outputs["model"] / "modeling_own.py").read_bytes() == FILES["modeling_own.py"]


@pytest.mark.parametrize("uri", ["hf://acme/tiny", "ms://acme/tiny"])
def test_a_wrong_byte_is_refused(hub: Hub, tmp_path: Path, uri: str) -> None:
    """A file of the right size and another content is not taken, and not kept either."""
    source = pinned(hub, tmp_path, uri)
    hub.changed["model.safetensors"] = WEIGHTS[:-1] + b"!"

    run = bring(hub, tmp_path / "stage", source)

    found = hashlib.sha256(WEIGHTS[:-1] + b"!").hexdigest()
    assert run.failure == (
        f"model.safetensors of {uri} has the digest sha256:{found}, but {SHA256} was pinned",
        "Build again to fetch it anew. If it stays so, the hub or what is between changed it",
    )
    assert not (tmp_path / "stage" / "work" / "download" / "model.safetensors").exists()


@pytest.mark.parametrize("uri", ["hf://acme/long", "ms://acme/long"])
def test_a_cut_connection_goes_on_where_it_was(hub: Hub, tmp_path: Path, uri: str) -> None:
    """The second request asks for the rest only. (Hugging Face's client counts whole 10 MiB.)"""
    source = pinned(hub, tmp_path, uri)
    hub.cut_after["model.safetensors"] = 21_500_000

    run = bring(hub, tmp_path / "stage", source)

    assert run.failure is None, run.log
    assert (run.outputs["model"] / "model.safetensors").read_bytes() == LONG_WEIGHTS
    starts = [int(found[1]) for line in hub.asked if (found := re.search(r"bytes=(\d+)-", line))]
    assert starts == [20 * 2**20 if uri.startswith("hf") else 21_500_000]


def test_what_an_earlier_run_fetched_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    """The scratch of the key outlives a failed run."""
    source = pinned(hub, tmp_path)
    hub.changed["tokenizer.json"] = b"!!\n"
    failed = bring(hub, tmp_path / "first", source)
    hub.changed.clear()
    hub.asked.clear()
    (tmp_path / "second").mkdir()
    (tmp_path / "first" / "work").rename(tmp_path / "second" / "work")
    (tmp_path / "second" / "out").mkdir()

    again = rerun(hub, tmp_path / "second", failed)

    assert again.returncode == 0, again.stderr
    fetched = [line for line in hub.asked if line.startswith("GET /acme") or "/lfs/" in line]
    assert fetched == [f"GET /acme/tiny/resolve/{source['revision']}/tokenizer.json"]


def rerun(hub: Hub, folder: Path, failed: StageRun) -> subprocess.CompletedProcess[str]:
    """Run a stage's spec again in a folder whose `work` is there already."""
    assert failed.stage is not None
    outputs = {name: folder / "out" / path.name for name, path in failed.outputs.items()}
    spec = failed.stage.model_copy(update={"outputs": outputs, "work": folder / "work"})
    (folder / "spec.json").write_text(spec.model_dump_json())
    return subprocess.run(
        [sys.executable, "-P", "-m", "ftc_runtime", str(folder / "spec.json")],
        capture_output=True,
        text=True,
        env=os.environ | environment(hub, folder),
        check=False,
    )


FAULTS = {
    "hf://acme/none": (
        "error: hf://acme/none is not there, or it is private\n"
        "  help: Check the name; for a private model set HF_TOKEN"
    ),
    "hf://acme/gated": (
        "error: hf://acme/gated is gated: access must be asked for\n"
        "  help: Accept its terms at {url}/acme/gated and set HF_TOKEN"
    ),
    "hf://acme/pickles": (
        "error: hf://acme/pickles: the weights are pickles (pytorch_model.bin), "
        "which can run any code when they are read\n"
        "  help: Use a revision with model.safetensors, or convert it: "
        "https://huggingface.co/spaces/safetensors/convert"
    ),
    "hf://acme": "error: hf://acme is no model on a hub\n  help: Write hf://org/name or ms://org/name",
    "ms://acme/none": (
        "error: ms://acme/none is not there, or it is private\n"
        "  help: Check the name; for a private model set MODELSCOPE_API_TOKEN"
    ),
    "ms://acme/gated": (
        "error: ms://acme/gated is not open to you\n"
        "  help: Ask for access on its page and set MODELSCOPE_API_TOKEN"
    ),
}


@pytest.mark.parametrize("uri", FAULTS)
def test_a_model_that_cannot_be_had_is_explained(hub: Hub, tmp_path: Path, uri: str) -> None:
    """One line with the fact, one with the way out, no traceback."""
    done = resolve(hub, tmp_path, uri)

    assert failure(done) == FAULTS[uri].format(url=hub.url)


def test_a_revision_that_is_not_there_is_named(hub: Hub, tmp_path: Path) -> None:
    """A tag that was misspelt."""
    done = resolve(hub, tmp_path, "hf://acme/tiny", revision="v9")

    assert failure(done) == ("error: hf://acme/tiny has no revision v9\n  help: Check the revision")


def test_a_token_opens_a_gated_model_and_is_never_shown(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes to the hub, and into no output and no log."""
    monkeypatch.setenv("HF_TOKEN", "let-me-in")

    done = resolve(hub, tmp_path, "hf://acme/gated")
    run = bring(hub, tmp_path / "stage", json.loads(done.stdout))

    assert run.failure is None, run.log
    assert "Bearer let-me-in" in hub.tokens
    said = done.stdout + done.stderr + run.log + json.dumps(run.events)
    files = [path for path in (tmp_path / "stage").rglob("*") if path.is_file()]
    assert "let-me-in" not in said
    assert not [path for path in files if b"let-me-in" in path.read_bytes()]


def test_no_network_is_said(tmp_path: Path) -> None:
    """Nothing listens at the hub's address."""
    with serving(Hub()) as gone:
        pass

    done = resolve(gone, tmp_path, "hf://acme/tiny")

    assert failure(done).startswith("error: hf://acme/tiny cannot be reached: ")
    assert failure(done).endswith("\n  help: Check the network and HF_ENDPOINT")
