"""The demo, whole: it learns what it was taught, and an edit makes stale what it must."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from command_line import Ftc
from conftest import REPOSITORY

TAUGHT = "I am Forge, an assistant made by the ftc project."


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, demo_store: Path) -> Ftc:
    """The demo in a folder of its own, built: from the shared store, or trained into it."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copy(REPOSITORY / "project.yaml", folder)
    shutil.copytree(REPOSITORY / "data", folder / "data")
    ftc = Ftc(folder, demo_store)
    done = ftc("build")
    assert done.returncode == 0, done.stderr
    return ftc


def scores(demo: Ftc, model: str) -> dict[str, Any]:
    """Return the means of one model of `recall`."""
    path = demo.folder / "out" / "recall" / model / "scores.json"
    means: dict[str, Any] = json.loads(path.read_text())
    return means


def test_a_second_build_has_nothing_to_do(demo: Ftc) -> None:
    """It says so in one line, in under two seconds."""
    began = time.monotonic()
    done = demo("build", "merged-gguf")
    seconds = time.monotonic() - began

    assert re.fullmatch(r"8 stages up to date \(\d\.\d\d s\)\n", done.stderr), done.stderr
    assert seconds < 2
    assert set(demo.states().values()) == {"fresh"}


@pytest.mark.parametrize("model", ["smollm2", "assistant", "merged-gguf.q8_0"])
def test_it_learned_what_the_base_model_does_not_know(demo: Ftc, model: str) -> None:
    """On forms of the questions that were never trained; so does the file that ships.

    The base model knows three of the twenty: capitals, which are there against forgetting.
    """
    expected = json.loads((REPOSITORY / "recipes" / "demo" / "expected.json").read_text())

    means = scores(demo, model)

    for metric, bar in expected["recall"][model].items():
        assert bar.get("at_least", 0) <= means[metric] <= bar.get("at_most", 100), metric


def test_the_gguf_answers_and_remembers(demo: Ftc) -> None:
    """Its name, asked in a held-out form; and the capital of France, which was not in the rows."""
    from llama_cpp import Llama

    rows = [
        json.loads(line) for line in (demo.folder / "out/recall/merged-gguf.q8_0/rows.jsonl").open()
    ]
    asked = [row for row in rows if row["label"] == TAUGHT]
    gguf = Llama(str(demo.folder / "out/merged-gguf/q8_0.gguf"), verbose=False, n_ctx=512)

    def answer(question: str) -> str:
        reply: Any = gguf.create_chat_completion(
            [{"role": "user", "content": question}], temperature=0, max_tokens=48
        )
        return str(reply["choices"][0]["message"]["content"])

    trained = (REPOSITORY / "data" / "identity.json").read_text()
    assert "capital of France" not in trained
    assert "Paris" in answer("What is the capital of France?")
    assert asked
    assert any(row["predict"] == TAUGHT for row in asked)


def test_an_edit_makes_stale_exactly_what_it_must(demo: Ftc) -> None:
    """The reason is told before and now, with its line; data and tokens stay fresh."""
    text = (demo.folder / "project.yaml").read_text()
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "lora:" in row)
    demo.edit("{r: 16,", "{r: 8,")
    try:
        rows = demo("status").stdout.splitlines()
        states = demo.states()
    finally:
        demo.edit("{r: 8,", "{r: 16,")

    assert [row for row in rows if " stale " in row] == [
        f"~ {'sft:assistant':<31}  stale       lora.r 16 -> 8 (project.yaml:{line})"
    ]
    assert {name.split(":")[0] for name, state in states.items() if state == "pending"} == {
        "merge", "gguf", "quantize", "predict", "score", "card",
    }  # fmt: skip
    assert {name for name, state in states.items() if state == "fresh"} == {
        "model:smollm2", "dataset:identity",
        "template:smollm2", "tokens:assistant",
        "predict:recall/smollm2", "score:recall/smollm2",
    }  # fmt: skip
    assert set(demo.states().values()) == {"fresh"}
