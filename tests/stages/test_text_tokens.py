"""Stage `text_tokens`: texts to ids and labels, with SmolLM2's own tokenizer, and trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import smollm2
from command_line import MakeProject
from ftc_runtime.data.rows import Text, row_line
from ftc_runtime.data.tokens import IGNORED, TokenRows
from ftc_runtime.errors import StageError
from ftc_runtime.stages.text_tokens.rows import pieces
from stage_runs import run_here, write_conversations
from tiny_gguf import tiny_chat_model

TEXTS = ["Hello, world", "你好，世界", "A <|im_end|> that is text", "one two three four five six"]
PROJECT = """\
version: 1
name: tiny
models: {small: {source: models/tiny}}
datasets:
  sums: {source: data/sums.json}
  texts: {source: data/sums.json, format: text, type: text, columns: {prompt: output}}
finetunes:
"""
READER = """\
  reader:
    method: pretrain
    model: small
    datasets: [texts]
    data: {max_length: 64}
    training: {max_steps: 6, learning_rate: 0.05}
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """SmolLM2's tokenizer, and texts."""
    folder = tmp_path_factory.mktemp("texts")
    write_conversations(folder / "rows.jsonl", [row_line(Text(text)) for text in TEXTS])
    tokenizer = smollm2.write_tokenizer(folder / "tokenizer")
    return {"tokenizer": tokenizer, "train.0": folder / "rows.jsonl"}


def test_every_token_but_the_first_is_trained(inputs: dict[str, Path], tmp_path: Path) -> None:
    """A text ends with the end token; what spells a special token is text, Chinese whole."""
    outputs = run_here("text_tokens", tmp_path, inputs=inputs)

    rows = list(TokenRows(outputs["train"]))  # type: ignore[call-overload]
    tokenizer = smollm2.tokenizer()
    end = tokenizer.eos_token
    assert [tokenizer.decode(ids.tolist()) for ids, _ in rows] == [text + end for text in TEXTS]
    assert [labels[0] for _, labels in rows] == [IGNORED] * 4
    assert all((labels[1:] == ids[1:]).all() for ids, labels in rows)
    assert [(ids == tokenizer.eos_token_id).sum() for ids, _ in rows] == [1] * 4


def test_long_texts_are_split_and_none_of_their_tokens_is_lost() -> None:
    """A piece begins with the last token of the one before; two pieces never share more."""
    assert pieces(range(7), size=3) == [range(3), range(2, 5), range(4, 7)]
    assert pieces(range(4), size=3) == [range(3), range(2, 4)]
    assert pieces(range(3), size=3) == [range(3)]


def test_the_report_names_split_texts(inputs: dict[str, Path], tmp_path: Path) -> None:
    """With how many pieces each became."""
    params = {"data": {"max_length": 6}}

    outputs = run_here("text_tokens", tmp_path, inputs=inputs, params=params)

    told = json.loads(outputs["report"].read_bytes())["train"]
    pieces = len(TokenRows(outputs["train"]))
    assert (told["rows"], told["split"]["pieces"], told["longest"]) == (4, pieces, 6)
    assert told["trained_tokens"] == told["tokens"] - pieces


def test_a_finetune_on_texts_learns_them(project: MakeProject) -> None:
    """Its loss falls, and `ftc preview` shows what was trained."""
    ftc = project(PROJECT + READER)
    tiny_chat_model(ftc.folder / "models/tiny", dtype=torch.float32)

    done = ftc("build", "reader")

    assert done.returncode == 0, done.stderr

    curve = (ftc.folder / "out/reader/curves.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in curve]
    assert losses[-1] < losses[0]
    shown = json.loads(ftc("preview", "reader", "--rows", "1", "--json").stdout.splitlines()[0])
    [turn] = shown["versions"][0]["turns"]
    assert [(part["text"], part["trained"]) for part in turn["stretches"]] == [
        ("It", False), (" is 1.", True), ("<|im_end|>", True),
    ]  # fmt: skip


def test_rows_of_the_wrong_type_are_refused(project: MakeProject) -> None:
    """`ftc check` says which type is needed."""
    wrong = READER.replace("[texts]", "[sums]")
    chat = "  talker: {model: small, datasets: [texts]}\n"
    ftc = project(PROJECT + wrong + chat)
    tiny_chat_model(ftc.folder / "models/tiny")

    done = ftc("check")

    assert done.returncode == 2
    told = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert told == [
        "error[wrong-artifact]: `datasets[0]` needs a dataset of type text, but `sums` is one of "
        "type sft",
        "error[wrong-artifact]: `datasets[0]` needs a dataset of type sft, but `texts` is one of "
        "type text",
    ]


def test_a_tokenizer_that_begins_a_text_does_so_here(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    """Its first token stands in front of the first piece, and is never trained."""
    folder = smollm2.write_tokenizer(tmp_path / "tokenizer")
    definition = json.loads((folder / "tokenizer.json").read_text())
    first = {"id": "<|im_start|>", "ids": [1], "tokens": ["<|im_start|>"]}
    definition["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "<|im_start|>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {"<|im_start|>": first},
    }
    (folder / "tokenizer.json").write_text(json.dumps(definition))

    outputs = run_here("text_tokens", tmp_path, inputs={**inputs, "tokenizer": folder})

    rows = list(TokenRows(outputs["train"]))  # type: ignore[call-overload]
    assert [int(ids[0]) for ids, _ in rows] == [1] * 4
    assert [labels[0] for _, labels in rows] == [IGNORED] * 4


def test_texts_that_are_too_long_are_dropped_or_stop_the_stage(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    """Where they are not to be split."""
    drop = {"data": {"max_length": 6, "overlong": "drop"}}
    error = {"data": {"max_length": 6, "overlong": "error"}}

    outputs = run_here("text_tokens", tmp_path / "drop", inputs=inputs, params=drop)
    with pytest.raises(StageError) as fault:
        run_here("text_tokens", tmp_path / "error", inputs=inputs, params=error)

    told = json.loads(outputs["report"].read_bytes())["train"]
    assert (told["rows"], told["dropped"]["overlong"]["rows"]) == (1, 3)
    assert "6" in fault.value.message


def test_measured_texts_that_are_trained_are_told(inputs: dict[str, Path], tmp_path: Path) -> None:
    """As are those of several files, mixed by turns."""
    write_conversations(
        tmp_path / "more.jsonl", [row_line(Text(text)) for text in ("新", TEXTS[1])]
    )
    given = {**inputs, "train.1": tmp_path / "more.jsonl", "eval.0": tmp_path / "more.jsonl"}

    outputs = run_here(
        "text_tokens", tmp_path / "stage", inputs=given, params={"mix": "interleave_once"}
    )

    tokenizer = smollm2.tokenizer()
    rows = list(TokenRows(outputs["train"]))  # type: ignore[call-overload]
    said = [tokenizer.decode(ids.tolist()).removesuffix("<|im_end|>") for ids, _ in rows]
    assert said == [TEXTS[0], "新", TEXTS[1], TEXTS[1], TEXTS[2], TEXTS[3]]
    assert json.loads(outputs["report"].read_bytes())["leakage"]["rows"]["rows"] == 2
