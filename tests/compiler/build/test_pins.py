"""A hub's name is pinned once, in ftc.lock; after that nothing is asked of the hub."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest

from command_line import Ftc, MakeProject
from ftc.lockfile.reading import read
from hub_server import Hub, Repo, serving

PROJECT = """\
version: 1
name: hub
models:
  base: {source: "SOURCE"}
"""
STAGE = "model:base"
HEADER = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
FILES = {
    "config.json": b'{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}\n',
    "model.safetensors": len(HEADER).to_bytes(8, "little") + HEADER + bytes(16),
    "tokenizer.json": b"{}\n",
}
ROWS = {
    "train.jsonl": b'{"instruction": "Hi", "output": "Hello"}\n',
    "test.jsonl": b'{"instruction": "Hi", "output": "Hey"}\n',
}


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub with one open and one gated model, and a dataset."""
    large = frozenset({"model.safetensors"})
    repos = {
        "acme/tiny": Repo(FILES, large),
        "acme/gated": Repo(FILES, large, gated=True),
        "datasets/acme/rows": Repo(ROWS),
    }
    with serving(Hub(repos)) as hub:
        yield hub


def pinned(project: MakeProject, source: str) -> Ftc:
    """Return the project with a model from *source*."""
    return project(PROJECT.replace("SOURCE", source))


@pytest.mark.parametrize("source", ["hf://acme/tiny", "ms://acme/tiny"])
def test_the_first_build_pins_and_later_ones_ask_nothing(
    project: MakeProject, hub: Hub, source: str
) -> None:
    """The lock holds the commit and a digest for each file; status needs no network."""
    ftc = pinned(project, source)
    online = {"HF_ENDPOINT": hub.url, "MODELSCOPE_ENDPOINT": hub.url, "HOME": str(ftc.folder)}

    before = ftc("status", STAGE)
    built = ftc("build", STAGE, **online)
    lock = (ftc.folder / "ftc.lock").read_text()
    offline = ftc.states(STAGE)
    again = ftc("build", STAGE, HF_ENDPOINT="http://127.0.0.1:9")

    assert before.stdout == (
        f"? model:base  unresolved  {source} is not pinned yet: ftc build pins it\n"
    )
    assert built.returncode == 0, built.stderr
    assert f'[source."{source}"]' in lock
    weights = hashlib.sha256(FILES["model.safetensors"]).hexdigest()
    assert f'"model.safetensors" = "sha256:{weights}"' in lock
    assert offline == {"model:base": "fresh"}
    assert "1 stage up to date" in again.stderr


def test_each_split_of_a_dataset_is_a_pin_of_its_own(project: MakeProject, hub: Hub) -> None:
    """With its own files only; the other stays unpinned until it is needed."""
    items = "".join(
        f"  {split}: {{source: hf://datasets/acme/rows, split: {split}}}\n"
        for split in ("train", "test")
    )
    ftc = project(f"version: 1\nname: hub\ndatasets:\n{items}")

    before = ftc.states()
    built = ftc("build", "test", HF_ENDPOINT=hub.url, HOME=str(ftc.folder))
    pins = read(ftc.folder).pins

    assert set(before.values()) == {"unresolved"}
    assert built.returncode == 0, built.stderr
    assert {name: list(pin.files) for name, pin in pins.items()} == {
        "hf://datasets/acme/rows?split=test": ["test.jsonl"],
    }
    assert "Hey" in (ftc.folder / "out" / "test" / "train.jsonl").read_text()
    assert ftc.states() == {"dataset:train": "unresolved", "dataset:test": "fresh"}


def test_a_colleague_with_the_lock_gets_the_same_key(project: MakeProject, hub: Hub) -> None:
    """Stale, not unresolved, with nothing asked."""
    ours, theirs = pinned(project, "hf://acme/tiny"), None
    ours("build", STAGE, HF_ENDPOINT=hub.url, HOME=str(ours.folder))
    theirs = project(PROJECT.replace("SOURCE", "hf://acme/tiny"), name="theirs")

    (theirs.folder / "ftc.lock").write_bytes((ours.folder / "ftc.lock").read_bytes())

    records = [json.loads(ftc("status", "--json", STAGE).stdout) for ftc in (ours, theirs)]
    assert [record["status"] for record in records] == ["fresh", "stale"]
    assert records[0]["key"] == records[1]["key"]


def test_what_a_hub_refuses_is_told(project: MakeProject, hub: Hub) -> None:
    """A gated model, a name that does not exist: exit 1, what to do, no traceback, no lock."""
    for source in ("hf://acme/gated", "hf://acme/nothing"):
        ftc = project(PROJECT.replace("SOURCE", source), name=source[-7:].strip("/"))

        done = ftc("build", STAGE, HF_ENDPOINT=hub.url, HOME=str(ftc.folder))

        assert done.returncode == 1
        assert "error[source]" in done.stderr
        assert "Traceback" not in done.stderr
        assert not (ftc.folder / "ftc.lock").exists()


def test_a_lock_with_a_conflict_says_what_to_do(project: MakeProject) -> None:
    """git left its marks in it."""
    ftc = pinned(project, "hf://acme/tiny")
    (ftc.folder / "ftc.lock").write_text("<<<<<<< HEAD\n")

    done = ftc("status")

    assert done.returncode == 2
    assert "error[lock]" in done.stderr
    assert "`ftc lock` makes one lock of both sides" in done.stderr
