"""Stage `predict`: the same rows answered by a folder, an adapter and a GGUF file."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from ftc_runtime.data.conversation import Conversation, text_message
from ftc_runtime.data.rows import row_line
from ftc_runtime.errors import StageError
from ftc_runtime.templates.definition import Chat
from stage_runs import run_here, run_stage, write_conversations
from tiny_gguf import tiny_chat_model, tiny_gguf

QUESTIONS = [
    ("What is the capital of France?", "Paris"),
    ("Hi", "Hello"),
    ("中国的首都是哪里?", "北京"),
    ("Say <|im_end|> and <|im_start|>system for me, in one line", "No"),
    ("Write a poem about rain and the sea, in two lines, without rhymes", "Rain."),
]
SHORT: dict[str, Any] = {"generation": {"max_new_tokens": 8}, "batch_size": 2}
SAMPLED: dict[str, Any] = {
    "generation": {
        **{"max_new_tokens": 8, "do_sample": True, "temperature": 0.9, "top_p": 0.9},
        "repetition_penalty": 1.2,
    },
    "batch_size": 2,
}


def rows(path: Path, questions: list[tuple[str, str]]) -> Path:
    """Write conversations of one question and its answer each."""
    write_conversations(
        path,
        [
            row_line(Conversation((text_message("user", ask), text_message("assistant", answer))))
            for ask, answer in questions
        ],
    )
    return path


def answers(outputs: dict[str, Path]) -> list[dict[str, str]]:
    """Return the predictions."""
    return [json.loads(line) for line in outputs["predictions"].read_text().splitlines()]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model in float32, whose own config asks for sampling that must not leak in."""
    folder = tiny_chat_model(
        tmp_path_factory.mktemp("tiny") / "model", dtype=torch.float32, width=64
    )
    config = json.loads((folder / "generation_config.json").read_bytes())
    config |= {"do_sample": True, "temperature": 5.0, "repetition_penalty": 3.0, "top_k": 3}
    (folder / "generation_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def gguf(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model as a GGUF file of float32."""
    return tiny_gguf(tmp_path_factory.mktemp("gguf") / "run", model)


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The questions as rows."""
    return rows(tmp_path_factory.mktemp("rows") / "rows.jsonl", QUESTIONS)


@pytest.fixture(scope="module")
def by_transformers(
    model: Path, questions: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, str]]:
    """Greedy answers of the folder."""
    folder = tmp_path_factory.mktemp("predict") / "run"
    return answers(
        run_here("predict", folder, inputs={"model": model, "rows": questions}, params=SHORT)
    )


def greedy(model: Path, prompt: str) -> str:
    """Return eight greedy tokens by taking the largest logit again and again."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForCausalLM.from_pretrained(model).eval()
    ids = tokenizer(prompt, add_special_tokens=False).input_ids
    start = len(ids)
    while len(ids) < start + 8:
        with torch.no_grad():
            token = int(network(torch.tensor([ids])).logits[0, -1].argmax())
        if token == tokenizer.eos_token_id:
            break
        ids.append(token)
    return str(tokenizer.decode(ids[start:], skip_special_tokens=True))


def test_answers_are_the_largest_logits_whatever_the_models_own_config_asks(
    model: Path, by_transformers: list[dict[str, str]]
) -> None:
    """Padded batches, sorted by length, give what one row alone gives, in the rows' order."""
    assert [row["label"] for row in by_transformers] == [answer for _, answer in QUESTIONS]
    for row in (by_transformers[0], by_transformers[1], by_transformers[2]):
        assert row["predict"] == greedy(model, row["prompt"])


def test_the_prompt_ends_where_the_assistant_begins(
    by_transformers: list[dict[str, str]],
) -> None:
    """With its special tokens, as LLaMA-Factory writes it."""
    assert by_transformers[1]["prompt"].endswith(
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )


def test_llama_cpp_answers_as_transformers_does(
    gguf: Path, questions: Path, by_transformers: list[dict[str, str]], tmp_path: Path
) -> None:
    """The file's own tokenizer and template make the same prompts, and its weights the answers."""
    outputs = run_here(
        "predict", tmp_path / "run", inputs={"gguf": gguf, "rows": questions}, params=SHORT
    )

    assert answers(outputs) == by_transformers


def test_both_engines_make_the_same_ids_of_text_that_spells_special_tokens(
    model: Path, gguf: Path
) -> None:
    """A user who writes <|im_end|> does not end his turn, in neither."""
    from ftc_runtime.engines.llama_cpp import LlamaCppEngine
    from ftc_runtime.engines.transformers import TransformersEngine

    folder = TransformersEngine(model, None, chat=Chat(), dtype="auto")
    file = LlamaCppEngine(gguf, threads=1)

    for ask, _ in QUESTIONS:
        asked = Conversation((text_message("user", ask),))
        assert file.prompt(asked) == folder.prompt(asked)
    spelled = Conversation((text_message("user", "a <|im_end|> b"),))
    assert folder.prompt(spelled).count(2) == 2
    assert file.context_length == folder.context_length == 256


def test_an_adapter_is_attached(model: Path, questions: Path, tmp_path: Path) -> None:
    """Its answers are those of the base with it, not those of the base."""
    adapted = get_peft_model(
        AutoModelForCausalLM.from_pretrained(model), LoraConfig(task_type="CAUSAL_LM", r=4)
    )
    torch.manual_seed(0)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    adapted.save_pretrained(tmp_path / "adapter")
    inputs = {"model": model, "rows": questions}

    with_it = run_here(
        "predict",
        tmp_path / "with",
        inputs=inputs | {"adapter": tmp_path / "adapter"},
        params=SHORT,
    )

    merged = adapted.merge_and_unload()
    merged.save_pretrained(tmp_path / "merged")
    AutoTokenizer.from_pretrained(model).save_pretrained(tmp_path / "merged")
    assert [row["predict"] for row in answers(with_it)][:2] == [
        greedy(tmp_path / "merged", row["prompt"]) for row in answers(with_it)[:2]
    ]


@pytest.mark.parametrize("engine", ["model", "gguf"])
def test_a_drawn_answer_depends_on_its_row_and_not_on_the_rows_beside_it(
    engine: str, model: Path, gguf: Path, questions: Path, tmp_path: Path
) -> None:
    """Alone, in another batch size, or with other rows behind it, row 0 draws the same."""
    loaded = {engine: {"model": model, "gguf": gguf}[engine]}
    first = rows(tmp_path / "first.jsonl", QUESTIONS[:1])

    drawn = [
        answers(
            run_here(
                "predict",
                tmp_path / str(number),
                inputs=loaded | {"rows": which},
                params=SAMPLED | {"batch_size": size},
            )
        )
        for number, (which, size) in enumerate([(questions, 2), (questions, 5), (first, 1)])
    ]

    assert drawn[0] == drawn[1]
    assert drawn[0][:1] == drawn[2]


def test_another_seed_draws_another_answer_and_the_same_seed_the_same(
    model: Path, questions: Path, tmp_path: Path
) -> None:
    """The seed is all that chance there is."""
    inputs = {"model": model, "rows": questions}
    other = {**SAMPLED, "generation": {**SAMPLED["generation"], "seed": 43}}

    one = run_here("predict", tmp_path / "one", inputs=inputs, params=SAMPLED)
    two = run_here("predict", tmp_path / "two", inputs=inputs, params=SAMPLED)
    three = run_here("predict", tmp_path / "three", inputs=inputs, params=other)

    assert answers(one) == answers(two)
    assert answers(one) != answers(three)


def test_progress_tells_rows_and_tokens_a_second(
    gguf: Path, questions: Path, tmp_path: Path
) -> None:
    """In a process of its own, with two threads, whose answers are the same."""
    inputs = {"gguf": gguf, "rows": questions}
    here = run_here("predict", tmp_path / "here", inputs=inputs, params=SHORT)

    run = run_stage("predict", tmp_path / "run", inputs=inputs, params=SHORT, threads=2)

    progress = [event for event in run.events if event["event"] == "progress"]
    assert [(event["done"], event["total"]) for event in progress] == [
        (row, 5) for row in range(1, 6)
    ]
    assert progress[0]["values"].keys() == {"tokens_per_second", "eta_s"}
    assert answers(run.outputs) == answers(here)


@pytest.mark.parametrize(
    ("asked", "params", "message"),
    [
        ([], SHORT, "there are no rows to answer"),
        (
            QUESTIONS[:1],
            {"generation": {"max_new_tokens": 300}},
            "row 0 needs 337 tokens, 37 of them the prompt's, but the model has 256",
        ),
        (
            QUESTIONS[:1],
            {"generation": {"max_new_tokens": 300}, "rehearsal": True},
            "row 0 needs 337 tokens, 37 of them the prompt's, but the model has 256",
        ),
    ],
)
def test_rows_that_cannot_be_answered_are_refused(
    model: Path, tmp_path: Path, asked: list[tuple[str, str]], params: dict[str, Any], message: str
) -> None:
    """None, or one that is longer than the model's context."""
    inputs = {"model": model, "rows": rows(tmp_path / "rows.jsonl", asked)}

    with pytest.raises(StageError) as caught:
        run_here("predict", tmp_path / "run", inputs=inputs, params=params)

    assert caught.value.message == message


def test_a_rehearsal_answers_in_a_few_tokens(model: Path, questions: Path, tmp_path: Path) -> None:
    """The first ones of the whole answers."""
    inputs = {"model": model, "rows": questions}

    whole = answers(run_here("predict", tmp_path / "whole", inputs=inputs, params=SHORT))
    small = answers(
        run_here("predict", tmp_path / "small", inputs=inputs, params=SHORT | {"rehearsal": True})
    )

    assert [row["label"] for row in small] == [row["label"] for row in whole]
    for short, long in zip(small, whole, strict=True):
        assert long["predict"].startswith(short["predict"].rstrip("\ufffd"))
        assert len(short["predict"]) < len(long["predict"])
