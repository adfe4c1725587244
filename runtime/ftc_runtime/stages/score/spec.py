"""Stage `score`: numbers for a set of predictions."""

from typing import ClassVar, Literal

from pydantic import Field

from ftc_runtime.contract import Artifact, Need, StageParams

Metric = Literal["bleu-4", "rouge-1", "rouge-2", "rouge-l", "exact-match"]


class Params(StageParams):
    """Score predictions against their labels, row by row and on average."""

    kind: ClassVar = "score"
    version: ClassVar = 1
    needs: ClassVar = {"predictions": Need(Artifact.PREDICTIONS)}
    makes: ClassVar = {"scores": Artifact.SCORES, "rows": Artifact.TABLE}
    libraries: ClassVar = ("jieba", "nltk", "rouge-chinese")

    metrics: list[Metric] = Field(
        default=["bleu-4", "rouge-1", "rouge-2", "rouge-l", "exact-match"],
        description="bleu-4 and rouge-* are computed as LLaMA-Factory does",
        min_length=1,
    )
