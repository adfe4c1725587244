"""Stage `card`: the model card of an export, README.md as Hugging Face's hub reads it."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from ftc_runtime.contract import Artifact, Need, Settings, StageParams


class Card(Settings):
    """What only people know of a model, by the names of huggingface_hub.ModelCardData."""

    license: str | None = Field(
        default=None, description="The hub's id of the licence, such as apache-2.0, or `other`"
    )
    license_name: str | None = Field(default=None, description="Name of a licence that is `other`")
    license_link: str | None = Field(default=None, description="Its text, if it is `other`")
    language: list[str] = Field(default=[], description="ISO 639-1 codes, such as en")
    tags: list[str] = Field(default=[], description="More tags for the hub's search")
    base_model: str | None = Field(
        default=None, description="The base model's id on the hub, if its source does not say it"
    )
    datasets: list[str] = Field(default=[], description="Ids of the datasets on the hub")
    description: str | None = Field(default=None, description="What the model is for, in Markdown")


class Step(Settings):
    """One stage on the way to the export."""

    kind: str = Field(description="Kind of stage")
    source: str | None = Field(default=None, description="What it reads from outside")
    settings: dict[str, Any] = Field(description="Each setting that enters its key, by its path")
    libraries: dict[str, str] = Field(description="Library -> version that it ran with")
    report: bool = Field(default=False, description="Is its report the next of `reports`?")
    curves: bool = Field(default=False, description="Are its curves the next of `curves`?")


class Measured(Settings):
    """Whose scores the next of `scores` are."""

    eval: str = Field(description="The eval's name")
    dataset: str = Field(description="The rows it was measured on")
    model: str = Field(description="What was measured, by the name that the eval gives it")
    role: Literal["baseline", "finetune", "export"] = Field(description="What it is to the export")


class Params(StageParams):
    """Write a model card: data, settings, scores, how to use the model and how it was made."""

    kind: ClassVar = "card"
    version: ClassVar = 1
    needs: ClassVar = {
        "model": Need(Artifact.MODEL, optional=True),
        "gguf": Need(Artifact.GGUF, many=True, optional=True),
        "reports": Need(Artifact.REPORT, many=True, optional=True),
        "curves": Need(Artifact.TABLE, many=True, optional=True),
        "scores": Need(Artifact.SCORES, many=True, optional=True),
    }
    makes: ClassVar = {"card": Artifact.CARD}
    libraries: ClassVar = ("huggingface_hub", "pyyaml")

    name: str = Field(description="The export's name")
    files: list[str] = Field(default=[], description="Names of its GGUF files, in order")
    card: Card = Field(default=Card(), description="What only people know of it")
    steps: list[Step] = Field(description="How it was made, first things first")
    measured: list[Measured] = Field(default=[], description="Whose scores are given")
