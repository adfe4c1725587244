"""`ftc show` on every kind of thing: where it came from, or how far that is known."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from command_line import Ftc, MakeProject
from made_store import COMMIT, SOURCE_DIGEST, MadeStore, gguf, made_store

DATASETS = """\
version: 1
name: rows
datasets:
  sums: {source: data/sums.json, holdout: {fraction: 0.25, seed: 1}}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeStore:
    """A store with the history of a GGUF file."""
    return made_store(tmp_path_factory.mktemp("made") / ".ftc")


@pytest.fixture
def ftc(made: MadeStore, tmp_path: Path) -> Ftc:
    """The command in a folder that is no project, with the store at hand."""
    return Ftc(tmp_path, made.store.root)


def key(made: MadeStore, name: str) -> str:
    """Return the key of a stage as it is shown."""
    return made.records[name].key[:12]


def short(digest: str) -> str:
    """Return a digest as it is shown."""
    return digest[:19]


def story_of_the_gguf(made: MadeStore) -> str:
    """The story of `gguf:small`, as a tree."""
    base, merged = (made.digest(name, "model") for name in ("model:base", "merge:merged"))
    return f"""\
gguf:small  {key(made, "gguf:small")}  exact
│  ran   2026-11-24T10:00:02Z on build-1, 1.5 s, 2 threads, avx2
└─ model {short(merged)}  merge:merged  {key(made, "merge:merged")}  exact
   │  set   max_shard_size 1GB
   │  with  torch 2.13.0
   │  ran   2026-11-24T10:00:01Z on build-1, 1.5 s, 2 threads, avx2
   │  said  tensors 2
   └─ model {short(base)}  model:base  {key(made, "model:base")}  exact
      │  ran   2026-11-24T10:00:00Z on build-1, 1.5 s, 2 threads, avx2
      └─ source {short(SOURCE_DIGEST)}  hf://org/base at {COMMIT}
"""


def story_of_the_file(made: MadeStore) -> str:
    """The story of `quantize:small.q8_0`, with what measured it."""
    first, *rest = story_of_the_gguf(made).splitlines()
    head = f"""\
quantize:small.q8_0  {key(made, "quantize:small.q8_0")}  exact
│  set   quantization q8_0
│  ran   2026-11-24T10:00:03Z on build-1, 1.5 s, 2 threads, avx2, resumed
│  score recall/small.q8_0: rouge-l 99.5
└─ gguf {short(made.digest("gguf:small", "gguf"))}  {first}
"""
    return head + "".join(f"   {line}\n" for line in rest)


def test_a_file_is_known_wherever_it_is(ftc: Ftc, made: MadeStore) -> None:
    """Copied and renamed: by its bytes, back to the hub's commit."""
    copy = ftc.folder / "renamed.bin"
    shutil.copy(made.path("quantize:small.q8_0", "gguf"), copy)

    done = ftc("show", "renamed.bin")

    digest = made.digest("quantize:small.q8_0", "gguf")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"renamed.bin  {digest}  {copy.stat().st_size} bytes\n"
        f"  is gguf of quantize:small.q8_0 {key(made, 'quantize:small.q8_0')}\n"
        "\n"
    ) + story_of_the_file(made)


def test_a_key_and_a_digest_may_be_cut_short(ftc: Ftc, made: MadeStore) -> None:
    """They tell the same story."""
    whole = made.records["quantize:small.q8_0"].key
    digest = made.digest("quantize:small.q8_0", "gguf")

    by_key, by_prefix = ftc("show", whole), ftc("show", whole[:10])
    by_digest, by_hexadecimal = ftc("show", digest[:20]), ftc("show", digest[7:23])

    told = "\n" + story_of_the_file(made)
    assert by_key.stdout == whole + "\n" + told
    assert by_prefix.stdout == whole[:10] + "\n" + told
    assert by_digest.stdout.endswith(told)
    assert by_hexadecimal.stdout.endswith(told)


def test_a_file_that_several_folders_have_shows_them_all(ftc: Ftc, made: MadeStore) -> None:
    """The tokenizer is that of the base model and of the merged one."""
    shutil.copy(made.path("merge:merged", "model") / "tokenizer.json", ftc.folder / "t.json")

    records = [json.loads(line) for line in ftc("show", "t.json", "--json").stdout.splitlines()]

    artifact, *stages = records
    assert [(one["stage"], one["output"], one["file"]) for one in artifact["is"]] == [
        ("model:base", "model", "tokenizer.json"),
        ("merge:merged", "model", "tokenizer.json"),
    ]
    assert [stage["stage"] for stage in stages] == ["merge:merged", "model:base"]


def test_json_is_a_record_a_stage(ftc: Ftc, made: MadeStore) -> None:
    """With all that the text has."""
    done = ftc("show", made.records["quantize:small.q8_0"].key, "--json")

    artifact, stage, *others = map(json.loads, done.stdout.splitlines())
    record = made.records["quantize:small.q8_0"]
    assert artifact["type"] == "artifact"
    assert [other["stage"] for other in others] == ["gguf:small", "merge:merged", "model:base"]
    assert stage == {
        "schema_version": 1,
        "type": "stage",
        "stage": "quantize:small.q8_0",
        "kind": "quantize",
        "version": 1,
        "key": record.key,
        "settings": {"quantization": "q8_0"},
        "inputs": {
            "gguf": {
                "digest": made.digest("gguf:small", "gguf"),
                "key": made.records["gguf:small"].key,
                "from": None,
            }
        },
        "libraries": {},
        "reproduces": "exact",
        "outputs": {"gguf": record.outputs["gguf"]._asdict()},
        "source": None,
        "ran": {
            "started": "2026-11-24T10:00:03Z",
            "host": "build-1",
            "seconds": 1.5,
            "threads": 2,
            "instruction_set": "avx2",
            "resumed": True,
        },
        "resumed": True,
        "said": {},
        "scores": [{"measured": "recall/small.q8_0", "means": {"rouge-l": 99.5}}],
    }


def test_a_changed_file_is_not_called_what_it_was(ftc: Ftc, made: MadeStore) -> None:
    """Its metadata still leads to what it was made from."""
    changed = ftc.folder / "changed.gguf"
    data = made.path("quantize:small.q8_0", "gguf").read_bytes()
    changed.write_bytes(data[:-1] + b"\x01")

    done = ftc("show", "changed.gguf")

    ours = made.digest("quantize:small.q8_0", "gguf")
    inputs = {
        "gguf": made.digest("gguf:small", "gguf"),
        "model": made.digest("merge:merged", "model"),
    }
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"changed.gguf  sha256:{hashlib.sha256(changed.read_bytes()).hexdigest()}  "
        f"{len(data)} bytes\n"
        "  not byte-equal to anything that ftc made here: changed after its build, or built "
        f"elsewhere. From the same input it made {short(ours)} (quantize)\n"
        "  its metadata says that it was made from\n"
        f"    gguf {inputs['gguf']}\n"
        f"    model {inputs['model']}\n"
        "\n"
    ) + story_of_the_gguf(made)


def test_without_a_store_the_metadata_is_told(made: MadeStore, tmp_path: Path) -> None:
    """The digests of its inputs are all that is known, and no folder is made."""
    file = tmp_path / "alone.gguf"
    shutil.copy(made.path("gguf:small", "gguf"), file)

    done = Ftc(tmp_path, tmp_path / "none")("show", str(file))

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [
        "  not byte-equal to anything that ftc made here: changed after its build, or built "
        "elsewhere",
        "  its metadata says that it was made from",
        f"    model {made.digest('merge:merged', 'model')}",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["alone.gguf"]


@pytest.mark.parametrize("what", ["file", "."])
def test_without_a_store_nothing_is_known(tmp_path: Path, what: str) -> None:
    """Of a file that says nothing of itself, and of a folder."""
    (tmp_path / "file").write_text("hello")

    done = Ftc(tmp_path, tmp_path / "none")("show", what)

    assert (done.returncode, done.stderr) == (
        1,
        f"error[unknown]: there is no store at hand to know {what}\n"
        " = help: name the store of its project: FTC_STORE=/path/to/.ftc\n",
    )


@pytest.mark.parametrize("content", ["foreign", "text", "cut off"])
def test_a_foreign_file_is_unknown(ftc: Ftc, made: MadeStore, content: str) -> None:
    """A GGUF file of others, a text, half a header: its digest, and exit 1."""
    file = ftc.folder / "file"
    if content == "foreign":
        gguf(file, None)
    else:
        data = made.path("gguf:small", "gguf").read_bytes()
        file.write_bytes(b"hello" if content == "text" else data[:60])

    done = ftc("show", "file")

    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        f"error[unknown]: file is sha256:{digest}, which nothing in a store at hand made\n"
        " = help: name the store of its project: FTC_STORE=/path/to/.ftc\n",
    )


def test_a_folder_is_known_as_a_whole(ftc: Ftc, made: MadeStore) -> None:
    """A copy of a merged model."""
    shutil.copytree(made.path("merge:merged", "model"), ftc.folder / "copy")

    done = ftc("show", "copy")

    assert done.stdout.splitlines()[:2] == [
        f"copy  {made.digest('merge:merged', 'model')}  24 bytes",
        f"  is model of merge:merged {key(made, 'merge:merged')}",
    ]


def test_a_folder_that_was_changed_tells_each_file(ftc: Ftc, made: MadeStore) -> None:
    """What is other, what is missing and what is more."""
    shutil.copytree(made.path("merge:merged", "model"), ftc.folder / "copy")
    (ftc.folder / "copy" / "config.json").unlink()
    (ftc.folder / "copy" / "config.json").write_text('{"a": 1}')
    (ftc.folder / "copy" / "notes.txt").write_text("mine")

    done = ftc("show", "copy")

    assert done.stdout.splitlines()[1:4] == [
        f"  is model of merge:merged {key(made, 'merge:merged')}",
        "  config.json is not byte-equal: changed after its build, or built elsewhere",
        "  notes.txt is none of ftc's",
    ]


def test_damage_in_the_store_is_not_hidden(made: MadeStore, tmp_path: Path) -> None:
    """An object whose bytes are not those of its name."""
    store = tmp_path / ".ftc"
    shutil.copytree(made.store.root, store, symlinks=True)
    digest = made.digest("gguf:small", "gguf").removeprefix("sha256:")
    file = store / "objects" / digest[:2] / digest
    file.chmod(0o644)
    file.write_bytes(b"GGUF, and then nothing of it")

    done = Ftc(tmp_path, store)("show", str(file))

    assert done.stdout.splitlines()[2] == (
        f"  damaged: the store keeps it as sha256:{digest}. `ftc verify` tells more"
    )


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("nothing", "`nothing` is no path, key, digest, target or stage"),
        ("abcd" * 16, f"no store at hand knows `sha256:{'abcd' * 16}`"),
        ("sha256:", "digests begin with `sha256:`: "),
    ],
)
def test_a_word_that_means_nothing_is_a_mistake(ftc: Ftc, word: str, said: str) -> None:
    """Exit 2, and the way out."""
    done = ftc("show", word)

    assert done.returncode == 2
    assert said in done.stderr


def test_a_target_and_a_stage_tell_the_same(project: MakeProject) -> None:
    """And a file under out/, with the rows that were read."""
    rows = project(DATASETS)
    rows("build", "sums")

    target, stage = rows("show", "sums"), rows("show", "dataset:sums")
    file = rows("show", "out/sums/train.jsonl")

    told = [
        r"dataset:sums  [0-9a-f]{12}  exact",
        r"│  set   holdout.fraction 0.25, holdout.seed 1",
        r"│  ran   \d{4}-\d\d-\d\dT.*",
        r"│  said  dropped 0, holdout \d+, rows 24, train \d+",
        r"└─ source sha256:[0-9a-f]{12}  data/sums.json",
    ]
    for done in (target, stage, file):
        lines = done.stdout.splitlines()[-len(told) :]
        assert all(re.fullmatch(want, line) for want, line in zip(told, lines, strict=True)), lines
    assert "  is train of dataset:sums" in file.stdout


def test_a_stale_target_tells_of_the_last_one(project: MakeProject) -> None:
    """One that was never built says how to build it."""
    rows = project(DATASETS)
    never = rows("show", "sums")
    rows("build", "sums")
    rows.edit("seed: 1", "seed: 2")

    stale = rows("show", "sums")

    assert (never.returncode, never.stderr) == (
        2,
        "error[not-built]: sums is not built\n = help: `ftc build sums` makes it\n",
    )
    assert "  dataset:sums is stale: this is the last one\n" in stale.stdout
    assert "holdout.seed 1" in stale.stdout


def test_a_project_with_mistakes_hides_no_file(project: MakeProject) -> None:
    """Its store is at hand all the same."""
    rows = project(DATASETS, name="project")
    rows = Ftc(rows.folder, rows.folder / ".ftc")
    rows("build", "sums")
    rows.edit("version: 1", "version: one")

    done = rows("show", "out/sums/train.jsonl")

    assert "  is train of dataset:sums" in done.stdout


def test_the_command_makes_the_same_bytes(project: MakeProject, tmp_path: Path) -> None:
    """Pasted into a shell, in another folder and with another environment."""
    rows = project(DATASETS)
    rows("build", "sums")
    made = json.loads(rows("show", "sums", "--reproduce", "--json").stdout)

    pasted = rows("show", "sums", "--reproduce").stdout
    done = subprocess.run(
        ["bash", "-c", pasted],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONHASHSEED": "9"}
        | {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    for output in made["outputs"].values():
        data = Path(output["path"]).read_bytes()
        assert "sha256:" + hashlib.sha256(data).hexdigest() == output["digest"]
    assert set(made["outputs"]) == {"train", "holdout", "report"}
    assert made["recipe"] == "ftc build --locked sums"
    assert made["settings"] == {
        "dataset:sums": {
            "source": "data/sums.json",
            "holdout.fraction": 0.25,
            "holdout.seed": 1,
        }
    }
    assert pasted.endswith("# ftc build --locked sums\n")


def test_what_is_not_as_it_was_is_not_reproduced(project: MakeProject) -> None:
    """An edited file would give other bytes: that is said before."""
    rows = project(DATASETS)
    rows("build", "sums")
    rows.edit("It is 3.", "It is three.", file="data/sums.json")

    done = rows("show", "sums", "--reproduce")

    assert done.returncode == 1
    assert "error[not-here]: dataset:sums: data/sums.json is not here as it was: sha256:" in (
        done.stderr
    )


def test_an_input_that_is_gone_names_the_way(ftc: Ftc, made: MadeStore, tmp_path: Path) -> None:
    """Its record is known, its files are not."""
    store = tmp_path / ".ftc"
    shutil.copytree(made.store.root, store, symlinks=True)
    digest = made.digest("gguf:small", "gguf").removeprefix("sha256:")
    (store / "objects" / digest[:2] / digest).unlink()
    whole = made.records["quantize:small.q8_0"].key

    done = Ftc(tmp_path, store)("show", whole, "--reproduce")

    assert (done.returncode, done.stderr) == (
        1,
        f"error[not-here]: quantize:small.q8_0: its input gguf sha256:{digest} is in no store at "
        "hand\n = help: `ftc build --locked quantize:small.q8_0` makes it first\n",
    )
