"""Stage `template`: how a model is spoken to, and what is found of it before training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import smollm2
from ftc_runtime.errors import StageError
from ftc_runtime.templates.chat import read_chat
from ftc_runtime.templates.definition import Chat, built_in
from stage_runs import run_here, run_stage


@pytest.fixture(scope="module")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return SmolLM2's tokenizer as a folder."""
    return smollm2.write_tokenizer(tmp_path_factory.mktemp("tokenizer"))


def found(tmp_path: Path, tokenizer: Path, chat: Chat) -> tuple[Chat, dict[str, Any]]:
    """Run the stage; return its chat and its report."""
    outputs = run_here(
        "template",
        tmp_path / "stage",
        inputs={"tokenizer": tokenizer},
        params=chat.model_dump(exclude_defaults=True),
    )
    return read_chat(outputs["chat"]), json.loads(outputs["report"].read_bytes())


def with_template(folder: Path, template: str) -> Path:
    """Write SmolLM2's tokenizer with another chat template."""
    smollm2.write_tokenizer(folder)
    (folder / "chat_template.jinja").write_text(template)
    return folder


def test_the_models_own_template_is_read(tokenizer_folder: Path, tmp_path: Path) -> None:
    """The chat says `auto`; the report what ends an answer."""
    chat, report = found(tmp_path, tokenizer_folder, Chat())

    assert chat == Chat()
    assert report == {
        "differences": {},
        "ends": ["<|im_end|>"],
        "mask": "yes",
        "thinks": False,
        "tools": False,
        "warnings": [],
    }


def test_a_chosen_template_is_compared_with_the_models_own(
    tokenizer_folder: Path, tmp_path: Path
) -> None:
    """ChatML without SmolLM2's own system message is another prompt, and that is said."""
    chat, report = found(tmp_path, tokenizer_folder, Chat(template=built_in("chatml")))

    assert chat.template == built_in("chatml")
    assert list(report["differences"]) == ["one turn", "two turns"]
    assert report["differences"]["one turn"].startswith("'user\\nQuestion<|im_end|>")
    assert report["warnings"] == ["it differs from the model's own template: one turn, two turns"]


def test_the_family_of_the_model_differs_in_nothing(tokenizer_folder: Path, tmp_path: Path) -> None:
    """SmolLM2's template in our library is SmolLM2's."""
    _, report = found(tmp_path, tokenizer_folder, Chat(template=built_in("smollm2")))

    assert (report["differences"], report["warnings"]) == ({}, [])


def test_a_template_of_another_family_is_refused(tokenizer_folder: Path, tmp_path: Path) -> None:
    """Nothing could end an answer."""
    with pytest.raises(StageError) as caught:
        found(tmp_path, tokenizer_folder, Chat(template=built_in("llama3")))

    assert caught.value.message == (
        "the tokenizer has no token that ends an answer: <|eot_id|>, <|eom_id|>"
    )


def test_a_model_without_template_is_no_fault_until_it_is_used(tmp_path: Path) -> None:
    """A base model can be exported; only its rows cannot be rendered."""
    folder = smollm2.write_tokenizer(tmp_path / "base")
    (folder / "chat_template.jinja").unlink()

    _, report = found(tmp_path, folder, Chat())

    assert report["mask"].startswith("no: the model has no chat template")
    assert len(report["warnings"]) == 1


THINKS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and enable_thinking %}<think>{{ m.reasoning_content }}</think>"
    "{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def test_a_template_that_thinks_on_demand_wants_a_choice(tmp_path: Path) -> None:
    """Nobody trains empty thoughts without having said so."""
    folder = with_template(tmp_path / "thinks", THINKS)

    with pytest.raises(StageError) as caught:
        found(tmp_path / "a", folder, Chat())
    chat, report = found(tmp_path / "b", folder, Chat(enable_thinking=True))

    assert "nothing tells it" in caught.value.message
    assert chat.thinks is True
    assert report["thinks"] is True


def test_two_runs_give_the_same_bytes(tokenizer_folder: Path, tmp_path: Path) -> None:
    """In two folders and with two hash seeds."""
    params = Chat(template=built_in("qwen")).model_dump(exclude_defaults=True)
    made = []
    for seed in ("1", "2"):
        run = run_stage(
            "template",
            tmp_path / seed,
            inputs={"tokenizer": tokenizer_folder},
            params=params,
            environment={"PYTHONHASHSEED": seed, "HOME": str(tmp_path / seed)},
        )
        assert run.returncode == 0, run.log
        made.append([path.read_bytes() for path in run.outputs.values()])

    assert made[0] == made[1]
