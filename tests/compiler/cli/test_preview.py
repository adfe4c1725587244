"""`ftc preview` as a user runs it, with a tiny model of the project's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import smollm2
from command_line import Ftc
from conftest import write_project
from stage_runs import tiny_llama

PROJECT = """\
version: 1
name: tiny
models:
  small: {source: small}
datasets:
  sums: {source: data/sums.json, holdout: {fraction: 0.25, seed: 1}}
finetunes:
  adder:
    model: small
    datasets: [sums]
    eval_dataset: sums.holdout
    data: {max_length: 50}
    lora: {r: 4}
    training: {max_steps: 2, global_batch_size: 4}
"""
ROWS = """\
train 1  sums:1  27 characters
     user │ What is 0 plus one?
assistant │ It is 1.

train 2  sums:2  27 characters
     user │ What is 1 plus one?
assistant │ It is 2.

train: 2 of 16 rows shown
"""


@pytest.fixture(scope="module")
def adder(tmp_path_factory: pytest.TempPathFactory) -> Ftc:
    """A project whose model lies beside it, and is not built."""
    folder = tmp_path_factory.mktemp("preview") / "project"
    ftc = write_project(folder, PROJECT)
    tiny_llama(folder / "small", vocab_size=49152, hidden_size=8, num_key_value_heads=4)
    smollm2.write_tokenizer(folder / "small")
    return ftc


def test_a_dataset_is_built_and_shown_as_it_is(adder: Ftc) -> None:
    """The first time it is built, and again after its file has changed."""
    first = adder("preview", "sums", "-n", "2")
    again = adder("preview", "sums", "-n", "2")
    adder.edit("What is 1 plus one?", "一加一？", file="data/sums.json")
    changed = adder("preview", "sums", "-n", "2", "-q")
    adder.edit("一加一？", "What is 1 plus one?", file="data/sums.json")

    assert (first.returncode, first.stdout) == (0, ROWS)
    assert first.stderr.startswith("> dataset:sums  never built\n")
    assert (again.returncode, again.stdout, again.stderr) == (0, ROWS, "")
    assert changed.stdout != ROWS


def test_a_model_that_is_not_here_is_named(adder: Ftc) -> None:
    """With the command that makes it; nothing is built."""
    done = adder("preview", "adder")

    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "error[not-built]: model:small is not here, and its tokenizer makes the tokens\n"
        " = help: `ftc build small` makes it, or add --build\n",
    )


@pytest.fixture(scope="module")
def built(adder: Ftc) -> Ftc:
    """The project with its model."""
    done = adder("preview", "adder", "--build", "-q", "-n", "1")
    assert (done.returncode, done.stdout) == (0, TRAINED), done.stderr
    return adder


TRAINED = """\
train 1  sums:1  44 tokens, 7 trained
 template │ <|im_start|>system↵
          │ You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>↵
     user │ <|im_start|>user↵
          │ What is 0 plus one?<|im_end|>↵
assistant │ <|im_start|>assistant↵
          │ ⟦It is 1.<|im_end|>↵⟧

train: 1 of 16 rows shown
eval 1  sums.holdout:1  44 tokens, 7 trained
 template │ <|im_start|>system↵
          │ You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>↵
     user │ <|im_start|>user↵
          │ What is 2 plus one?<|im_end|>↵
assistant │ <|im_start|>assistant↵
          │ ⟦It is 3.<|im_end|>↵⟧

eval: 1 of 8 rows shown
"""


def test_a_finetune_is_shown_as_it_is_trained_and_not_trained(built: Ftc) -> None:
    """Its model is built if that is wanted, its template and its data anyway, and no more."""
    assert built.states() == {
        "model:small": "fresh",
        "template:small": "fresh",
        "dataset:sums": "fresh",
        "tokens:adder": "stale",
        "sft:adder": "pending",
    }


def test_json_holds_what_the_text_and_the_page_are_made_from(built: Ftc, tmp_path: Path) -> None:
    """A record for each row and for each part; and the page in a file, or on stdout."""
    done = built("preview", "sums.holdout", "--json", "--row", "2")
    page = built("preview", "sums.holdout", "--html", str(tmp_path / "rows.html"))

    row, part = map(json.loads, done.stdout.splitlines())
    assert row == {
        "schema_version": 1,
        "type": "row",
        "part": "holdout",
        "number": 2,
        "place": "sums.holdout:2",
        "size": 27,
        "label": None,
        "versions": row["versions"],
    }
    assert part == {
        "schema_version": 1,
        "type": "part",
        "unit": "characters",
        "name": "holdout",
        "rows": 8,
        "measured": None,
    }
    assert (page.returncode, page.stdout) == (0, f"{tmp_path / 'rows.html'}\n")
    assert (tmp_path / "rows.html").read_text().count("<article ") == 8


def test_another_template_is_tried_and_leaves_the_project_alone(built: Ftc) -> None:
    """As a setting of the command line does: a wrong name is answered in the same words."""
    done = built("preview", "adder", "--template", "vicuna", "-n", "1", "-q")
    wrong = built("preview", "adder", "--template", "vicunya")

    assert done.stdout.splitlines()[-3:-1] == [
        "assistant │  ASSISTANT:⟦It is 3.<|im_end|>⟧",
        "",
    ]
    assert wrong.returncode == 2
    assert 'error[unknown-name]: there is no template "vicunya"' in wrong.stderr
    assert built.states()["template:small"] == "fresh"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["small"], "small has no rows to show"),
        (["adder", "--model", "small"], "adder is trained with a model of its own"),
        (["sums", "--model", "sums"], "sums is no model of `models:`"),
        (["summs"], "there is no target `summs`"),
    ],
)
def test_what_has_no_rows_is_told_so(adder: Ftc, words: list[str], message: str) -> None:
    """With what there is instead."""
    done = adder("preview", *words)

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert " = help: " in done.stderr
