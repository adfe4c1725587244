"""Stage `tokens`: conversations to ids and labels, with SmolLM2's own tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import smollm2
from ftc_runtime.data.conversation import Conversation, text_message
from ftc_runtime.data.rows import row_line
from ftc_runtime.data.tokens import IGNORED, TokenRows
from ftc_runtime.stages.tokens.rows import token_row
from ftc_runtime.templates.definition import Chat, extended
from ftc_runtime.templates.encoding import Encoded
from ftc_runtime.templates.rendered import Piece, Rendered
from stage_runs import StageRun, chat_file, digest, run_here, run_stage, write_conversations

PREFIX = (
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
    "<|im_end|>\n"
)


@pytest.fixture(scope="module")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2's tokenizer as a folder."""
    return smollm2.write_tokenizer(tmp_path_factory.mktemp("tokenizer"))


def rows_file(path: Path, *turns: list[str]) -> Path:
    """Write conversations of user and assistant by turns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    conversations = [
        Conversation(
            tuple(
                text_message("assistant" if index % 2 else "user", text)
                for index, text in enumerate(texts)
            )
        )
        for texts in turns
    ]
    write_conversations(path, [row_line(conversation) for conversation in conversations])
    return path


def decoded(path: Path) -> list[tuple[str, str]]:
    """Return each row's text, and what of it is trained."""
    tokenizer = smollm2.tokenizer()
    return [
        (tokenizer.decode(ids.tolist()), tokenizer.decode(labels[labels != IGNORED].tolist()))
        for ids, labels in TokenRows(path)  # type: ignore[attr-defined]
    ]


def stage(folder: Path, tokenizer: Path, *turns: list[str], **data: Any) -> StageRun:
    """Run the stage in its process."""
    rows = rows_file(folder / "rows.jsonl", *turns)
    inputs = {"tokenizer": tokenizer, "train.0": rows}
    return run_stage("tokens", folder / "stage", inputs=inputs, params={"data": data})


def test_only_what_the_assistant_says_is_trained(tokenizer_folder: Path, tmp_path: Path) -> None:
    """Every answer with its end, nothing else; several files are one after another."""
    inputs = {
        "tokenizer": tokenizer_folder,
        "train.0": rows_file(tmp_path / "a.jsonl", ["Hi", "Hello!"]),
        "train.1": rows_file(tmp_path / "b.jsonl", ["1+1?", "2", "And <|im_end|>?", "A token"]),
        "eval.0": rows_file(tmp_path / "c.jsonl", ["Bye", "Good bye."]),
    }

    outputs = run_here("tokens", tmp_path / "stage", inputs=inputs)

    assert decoded(outputs["train"]) == [
        (
            f"{PREFIX}<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello!<|im_end|>\n",
            "Hello!<|im_end|>\n",
        ),
        (
            f"{PREFIX}<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n2<|im_end|>\n"
            "<|im_start|>user\nAnd <|im_end|>?<|im_end|>\n"
            "<|im_start|>assistant\nA token<|im_end|>\n",
            "2<|im_end|>\nA token<|im_end|>\n",
        ),
    ]
    assert [trained for _, trained in decoded(outputs["eval"])] == ["Good bye.<|im_end|>\n"]


def test_the_report_counts_and_shows_a_row(tokenizer_folder: Path, tmp_path: Path) -> None:
    """Its trained part stands between ⟦ and ⟧."""
    outputs = run_here(
        "tokens", tmp_path / "stage",
        inputs={
            "tokenizer": tokenizer_folder,
            "train.0": rows_file(tmp_path / "a.jsonl", ["Hi", "Hello!"], ["Q", "long " * 20]),
        },
        params={"data": {"max_length": 40}},
    )  # fmt: skip

    empty = {"rows": 0, "places": []}
    found = json.loads(outputs["report"].read_bytes())
    assert found["train"] == {
        "rows": 1,
        "read": 2,
        "dropped": {
            "refused": empty,
            "no thought": empty,
            "overlong": {"rows": 1, "places": {"2": 54}},
            "untrained": empty,
        },
        "truncated": {"rows": 0, "places": [], "tokens": 0},
        "tokens": 35,
        "trained_tokens": 4,
        "trained_share": 0.1143,
        "longest": 35,
        "packs": 1,
        "packs_fill": 0.875,
        "lengths": {"<=64": 2},
        "quantiles": {"50%": 35, "90%": 54, "99%": 54, "100%": 54},
        "longer_than": dict.fromkeys(("512", "1024", "2048", "4096", "8192", "16384", "32768"), 0),
        "thoughts": {"left_out": 0, "masked": 0, "missing": 0, "trained": 0},
    }
    assert (found["eval"]["rows"], found["leakage"]["rows"]) == (0, empty)
    assert found["examples"] == [
        f"{PREFIX}<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n⟦Hello!<|im_end|>\n⟧"
    ]
    assert len(TokenRows(outputs["eval"])) == 0


def test_overlong_rows_can_be_an_error_that_names_them_all(
    tokenizer_folder: Path, tmp_path: Path
) -> None:
    """With their lengths, and the max_length that would do."""
    run = stage(
        tmp_path, tokenizer_folder, ["Q", "A"], ["Q", "long " * 20], ["Q", "long " * 30],
        max_length=40, overlong="error",
    )  # fmt: skip

    assert run.failure == (
        "2 of 3 train rows exceed 40 tokens: row 2 (54), row 3 (64)",
        "Raise data.max_length to 64, or set data.overlong: drop",
    )


def test_no_row_left_is_an_error(tokenizer_folder: Path, tmp_path: Path) -> None:
    """Training on nothing would be a success that means nothing."""
    run = stage(tmp_path, tokenizer_folder, ["Q", "A"], max_length=8)

    assert run.failure == (
        "no row is left to train on: each has more than 8 tokens",
        "Raise data.max_length to 34",
    )


def strict_tokenizer(folder: Path) -> Path:
    """Write a tokenizer whose template refuses some conversations."""
    smollm2.write_tokenizer(folder)
    template = (folder / "chat_template.jinja").read_text()
    refuse = "{% if 'no' in messages[0]['content'] %}{{ raise_exception('Not this') }}{% endif %}"
    (folder / "chat_template.jinja").write_text(refuse + template)
    return folder


def test_rows_that_the_template_refuses_spoil_no_other(tmp_path: Path) -> None:
    """They are left out and named by their lines, with the template's own words."""
    run = stage(tmp_path, strict_tokenizer(tmp_path / "strict"), ["no", "A"], ["Q", "A"])

    assert run.failure is None
    found = json.loads(run.outputs["report"].read_bytes())["train"]["dropped"]["refused"]
    assert found == {"rows": 1, "places": {"1": "the template refuses it: Not this"}}
    assert [event["text"] for event in run.events if event["event"] == "warning"] == [
        "1 of 2 train rows cannot be rendered and are left out; the report names them"
    ]


def test_a_template_that_refuses_every_row_is_an_error(tmp_path: Path) -> None:
    """That has its words for each."""
    run = stage(tmp_path, strict_tokenizer(tmp_path / "strict"), ["no", "A"], ["no!", "A"])

    assert run.failure == (
        "no row of 2 is left to train on: 2 refused\n"
        "  row 1: the template refuses it: Not this\n"
        "  row 2: the template refuses it: Not this",
        "Change these rows, or use a model whose chat template takes them",
    )


def test_a_token_across_a_border_is_not_trained() -> None:
    """At the front it is there before the answer begins; at the end it is not the answer's own."""
    rendered = Rendered("ab cd ef", (Piece(2, 5, "content", 1),), answers=frozenset([1]))
    encoded = Encoded([1, 2, 3, 4, 5], [(0, 1), (1, 3), (3, 4), (4, 6), (6, 8)])

    row = token_row(rendered, encoded)

    assert row.labels.tolist() == [IGNORED, IGNORED, 3, IGNORED, IGNORED]
    assert row.input_ids.dtype == np.int32


def test_two_runs_give_the_same_bytes(tokenizer_folder: Path, tmp_path: Path) -> None:
    """In two folders, with two homes, two hash seeds and two numbers of threads."""
    turns = [[f"Q{number} <|im_end|>", f"A{number} é"] for number in range(50)]
    digests = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        rows = rows_file(folder / "rows.jsonl", *turns)
        run = run_stage(
            "tokens", folder / "stage",
            inputs={"tokenizer": tokenizer_folder, "train.0": rows},
            params={"data": {"preprocessing_num_workers": int(seed)}},
            environment={"HOME": str(folder), "PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert run.failure is None, run.log
        digests.append({name: digest(path) for name, path in run.outputs.items()})

    assert digests[0] == digests[1]


def test_rows_can_be_cut_and_what_went_is_counted(tokenizer_folder: Path, tmp_path: Path) -> None:
    """In Chinese too; the report names the rows and their tokens."""
    run = stage(
        tmp_path, tokenizer_folder, ["Q", "A"], ["很长的问题" * 30, "短的回答"],
        max_length=60, overlong="truncate",
    )  # fmt: skip

    assert run.failure is None, run.log
    found = json.loads(run.outputs["report"].read_bytes())["train"]
    text, trained = decoded(run.outputs["train"])[1]
    assert len(TokenRows(run.outputs["train"])[1][0]) <= 60
    assert text.startswith(PREFIX + "<|im_start|>user\n很长的问题")
    assert trained == "短的回答<|im_end|>\n"
    went = found["truncated"]["tokens"]
    assert found["truncated"] == {"rows": 1, "places": {"2": went}, "tokens": went}
    assert found["dropped"]["overlong"]["rows"] == 0
    assert [event["text"] for event in run.events if event["event"] == "warning"] == [
        f"1 of 2 train rows are cut to 60 tokens: {went} tokens went; the report names them"
    ]


def test_bars_stop_the_stage_and_name_what_was_found(
    tokenizer_folder: Path, tmp_path: Path
) -> None:
    """Every bar that is missed, of both parts, with the first places."""
    inputs = {
        "tokenizer": tokenizer_folder,
        "train.0": rows_file(tmp_path / "a.jsonl", ["Who?", "Forge."], ["Q", "long " * 60]),
        "eval.0": rows_file(tmp_path / "b.jsonl", ["who", "Forge."], ["New", "Yes."]),
    }
    run = run_stage(
        "tokens", tmp_path / "stage", inputs=inputs,
        params={"data": {"max_length": 60, "fail_if": {"overlong": "10%", "leakage": 0}}},
    )  # fmt: skip

    assert run.failure == (
        "data.fail_if does not allow this:\n"
        "  train overlong: 1 of 2 rows (50%), allowed 10%: row 2\n"
        "  leakage: 1 of 2 rows (50%), allowed 0: row 1 (prompt, nearly)",
        "Mend these rows, or allow more in data.fail_if",
    )


def thinking_rows(folder: Path, *thoughts: str | None) -> dict[str, Path]:
    """Return the inputs of a stage: rows with these thoughts, and Qwen3's template that thinks."""
    folder.mkdir(exist_ok=True)
    conversations = [
        Conversation(
            (
                text_message("user", f"Question {number}"),
                text_message("assistant", "Answer", reasoning_content=thought),
            )
        )
        for number, thought in enumerate(thoughts)
    ]
    write_conversations(folder / "rows.jsonl", map(row_line, conversations))
    definition = extended("qwen3", {"enable_thinking": True})
    return {
        "train.0": folder / "rows.jsonl",
        "chat": chat_file(folder / "chat.json", Chat(template=definition)),
    }


def test_answers_without_a_thought_are_refused_with_their_number(
    tokenizer_folder: Path, tmp_path: Path
) -> None:
    """The model would learn to think nothing; the ways out are said."""
    inputs = {"tokenizer": tokenizer_folder, **thinking_rows(tmp_path, "Think.", None, None)}

    run = run_stage("tokens", tmp_path / "stage", inputs=inputs)

    assert run.failure == (
        "2 of 3 train rows have an answer without a thought, where the model is to think: "
        "rows 2, 3; 1 have one",
        "Set enable_thinking: false, or choose data.missing_thinking: mask (an empty thought, "
        "not trained), train (the model learns to think nothing) or drop",
    )


def test_rows_without_a_thought_can_be_dropped_and_are_counted(
    tokenizer_folder: Path, tmp_path: Path
) -> None:
    """The rest is trained."""
    outputs = run_here(
        "tokens", tmp_path / "stage",
        inputs={"tokenizer": tokenizer_folder, **thinking_rows(tmp_path, "Think.", None)},
        params={"data": {"missing_thinking": "drop"}},
    )  # fmt: skip

    found = json.loads(outputs["report"].read_bytes())["train"]
    assert (found["rows"], found["dropped"]["no thought"]["rows"]) == (1, 1)
    assert found["thoughts"] == {"left_out": 0, "masked": 0, "missing": 1, "trained": 1}
