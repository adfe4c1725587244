"""How near an answer is to its label: BLEU-4, ROUGE, exact match, each as a percentage.

BLEU and ROUGE are those of LLaMA-Factory, so that its users can compare: ROUGE on the words that
jieba cuts, BLEU on characters, in every language. Each is rounded to 4 decimals per row.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import jieba
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from rouge_chinese import Rouge

from ftc_runtime.stages.score.spec import Metric

DECIMALS = 4
ROUGE = ("rouge-1", "rouge-2", "rouge-l")


class Similarity:
    """Compares answers with labels. Loads jieba's dictionary once."""

    def __init__(self, cache: Path) -> None:
        """Keep jieba's own cache in *cache*, which would else go to the system's temp folder."""
        jieba.setLogLevel(logging.WARNING)
        self._words = jieba.Tokenizer()
        self._words.tmp_dir = str(cache)
        self._rouge = Rouge()
        self._smoothing = SmoothingFunction().method3

    def scores(self, predict: str, label: str, *, metrics: Iterable[Metric]) -> dict[Metric, float]:
        """Return each of *metrics* for one pair, in their order."""
        wanted = list(metrics)
        rouge = self._rouge_scores(predict, label) if any(name in ROUGE for name in wanted) else {}
        return {
            name: rouge[name] if name in ROUGE else self._other(name, predict, label=label)
            for name in wanted
        }

    def _other(self, name: Metric, predict: str, *, label: str) -> float:
        if name == "bleu-4":
            return self.bleu_4(predict, label)
        return exact_match(predict, label)

    def bleu_4(self, predict: str, label: str) -> float:
        """Return nltk's sentence BLEU over characters, smoothed by its method 3."""
        score = sentence_bleu([list(label)], list(predict), smoothing_function=self._smoothing)
        return round(float(score) * 100, DECIMALS)

    def _rouge_scores(self, predict: str, label: str) -> dict[str, float]:
        hypothesis = " ".join(self._words.cut(predict))
        reference = " ".join(self._words.cut(label))
        if not hypothesis.split() or not reference.split():
            return dict.fromkeys(ROUGE, 0.0)
        [scores] = self._rouge.get_scores(hypothesis, reference)
        return {name: round(scores[name]["f"] * 100, DECIMALS) for name in ROUGE}


def exact_match(predict: str, label: str) -> float:
    """Return 100 if both are the same text but for white space around them, else 0."""
    return 100.0 if predict.strip() == label.strip() else 0.0


def mean(values: list[float]) -> float:
    """Return the mean, rounded as each value is."""
    return round(sum(values) / len(values), DECIMALS)
