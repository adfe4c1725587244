"""Stage `score`: LLaMA-Factory's numbers, taken from the same libraries by its own steps."""

import json
import logging
from pathlib import Path
from typing import Any

import jieba
import pytest
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from rouge_chinese import Rouge

from ftc_runtime.errors import StageError
from ftc_runtime.evals.predictions import Prediction, write_predictions
from stage_runs import run_here, run_stage

PAIRS = [
    ("My name is Forge.", "My name is Forge."),
    ("My name is Forge, made by a small team.", "I am Forge. A small team made me."),
    ("  Paris\n", "Paris"),
    ("paris", "Paris"),
    ("The capital of France is Paris.", "Paris"),
    ("I do not know.", "The capital of France is Paris."),
    ("a b c d e f g", "a b c d e f g h"),
    ("a b c", "c b a"),
    ("the the the the", "the cat"),
    ("x", "x"),
    ("x", "y"),
    ("One sentence. Two sentences? Three!", "One sentence. Three! Two sentences?"),
    ("def f(x):\n    return x + 1", "def f(x):\n    return x + 2"),
    ("3.14159", "3.1416"),
    ("Yes... maybe... no......", "Yes... no......"),
    ("naïve café ☕", "naive café"),
    ("中国的首都是北京。", "中国的首都是北京。"),
    ("北京是中国的首都。", "中国的首都是北京。"),
    ("我的名字是福吉,由一个小团队开发。", "我叫福吉,是一个小团队做的。"),
    ("今天天气很好,我们去公园散步吧。", "今天天气不错,我们去公园走走吧。"),
    ("机器学习是人工智能的一个分支。", "深度学习属于机器学习。"),
    ("混合 English 与中文的句子", "混合中文与 English 的句子"),
    ("", "an answer that never came"),
    (" \n\t ", "blank is nothing too"),
    ("an answer to nothing", ""),
    ("", ""),
]


def expected(predict: str, label: str) -> dict[str, float]:
    """Return the scores by the steps of LLaMA-Factory's ComputeSimilarity."""
    jieba.setLogLevel(logging.CRITICAL)
    hypothesis, reference = list(jieba.cut(predict)), list(jieba.cut(label))
    if not " ".join(hypothesis).split() or not " ".join(reference).split():
        rouge = {name: {"f": 0.0} for name in ("rouge-1", "rouge-2", "rouge-l")}
    else:
        rouge = Rouge().get_scores(" ".join(hypothesis), " ".join(reference))[0]
    bleu = sentence_bleu(
        [list(label)], list(predict), smoothing_function=SmoothingFunction().method3
    )
    return {
        "bleu-4": round(bleu * 100, 4),
        **{name: round(score["f"] * 100, 4) for name, score in rouge.items()},
        "exact-match": 100.0 * (predict.strip() == label.strip()),
    }


def predictions(folder: Path, pairs: list[tuple[str, str]]) -> dict[str, Path]:
    """Write pairs as predictions and return them as a stage's inputs."""
    path = folder / "predictions.jsonl"
    write_predictions(
        path, [Prediction(prompt="?", predict=predict, label=label) for predict, label in pairs]
    )
    return {"predictions": path}


def table(outputs: dict[str, Path]) -> list[dict[str, Any]]:
    """Return the rows of the table."""
    return [json.loads(line) for line in outputs["rows"].read_text().splitlines()]


def test_each_row_and_the_means_are_llama_factorys(tmp_path: Path) -> None:
    """English, Chinese, code and blanks, against the libraries called directly."""
    outputs = run_here("score", tmp_path / "run", inputs=predictions(tmp_path, PAIRS))

    wanted = [expected(predict, label) for predict, label in PAIRS]
    assert table(outputs) == [
        {"prompt": "?", "predict": predict, "label": label, **scores}
        for (predict, label), scores in zip(PAIRS, wanted, strict=True)
    ]
    means = {
        name: round(sum(scores[name] for scores in wanted) / len(wanted), 4) for name in wanted[0]
    }
    assert json.loads(outputs["scores"].read_text()) == {**means, "rows": len(PAIRS)}


def test_scores_of_known_pairs_are_what_they_were(tmp_path: Path) -> None:
    """Golden numbers: another version of a library that moves them must be seen."""
    pairs = [PAIRS[1], PAIRS[18]]

    outputs = run_here("score", tmp_path / "run", inputs=predictions(tmp_path, pairs))

    assert [list(row.values())[3:] for row in table(outputs)] == [
        [53.2522, 50.0, 10.5263, 38.0952, 0.0],
        [31.689, 78.2609, 28.5714, 60.8696, 0.0],
    ]


def test_only_what_is_asked_for_is_scored(tmp_path: Path) -> None:
    """Exact match alone, as a percentage, in canonical JSON."""
    outputs = run_here(
        "score",
        tmp_path / "run",
        inputs=predictions(tmp_path, PAIRS[:4]),
        params={"metrics": ["exact-match"]},
    )

    assert outputs["scores"].read_text() == '{\n  "exact-match": 50.0,\n  "rows": 4\n}\n'
    assert [row["exact-match"] for row in table(outputs)] == [100.0, 0.0, 100.0, 0.0]


def test_an_answer_of_a_thousand_words_is_scored(tmp_path: Path) -> None:
    """The library's longest common subsequence must not run out of stack."""
    long = " ".join(f"word{number % 300}" for number in range(1200))

    outputs = run_here("score", tmp_path / "run", inputs=predictions(tmp_path, [(long, long)]))

    assert table(outputs)[0]["rouge-l"] == pytest.approx(100, abs=0.01)


def test_no_predictions_have_no_mean(tmp_path: Path) -> None:
    """A mean of nothing would be a number that means nothing."""
    with pytest.raises(StageError) as caught:
        run_here("score", tmp_path / "run", inputs=predictions(tmp_path, []))

    assert caught.value.message == "there are no predictions to score"


def test_it_writes_nowhere_else_and_says_nothing_of_jieba(tmp_path: Path) -> None:
    """jieba would keep its cache in the system's temp folder, and log that it does."""
    (tmp_path / "temp").mkdir()

    run = run_stage(
        "score",
        tmp_path / "run",
        inputs=predictions(tmp_path, PAIRS[:2]),
        environment={"TMPDIR": str(tmp_path / "temp"), "HOME": str(tmp_path / "temp")},
    )

    assert run.returncode == 0
    assert run.log == ""
    assert list((tmp_path / "temp").iterdir()) == []
    assert [event["event"] for event in run.events] == ["phase", "progress", "progress", "done"]
