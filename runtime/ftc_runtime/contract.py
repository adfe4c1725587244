"""What the compiler and a stage's process agree on. Light: pydantic and the standard library only.

A stage kind is a folder `stages/<kind>/`: its `spec.py` holds one class `Params(StageParams)` that
says what the stage takes and makes; its `run.py` holds `run(params, stage)` that does it. The
compiler reads `spec.py` and never `run.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeAlias, cast

from pydantic import BaseModel, ConfigDict, Field

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

SCHEMA_VERSION = 1


class Artifact(StrEnum):
    """What an output is. A consumer names what it needs by these words."""

    MODEL = "model"
    """A folder that transformers loads: config.json, *.safetensors, tokenizer and chat template."""
    TOKENIZER = "tokenizer"
    """The tokenizer's files alone, with config.json beside them."""
    CHAT = "chat"
    """A .json file: the chat template to speak to a model with (`ftc_runtime.templates.chat`)."""
    ROWS = "rows"
    """A .jsonl file, one conversation a line (`ftc_runtime.data.rows`)."""
    PREFERENCES = "preferences"
    """A .jsonl file, two answers to a conversation a line (the same)."""
    JUDGED = "judged"
    """A .jsonl file, a conversation and whether its answer is wanted a line."""
    TEXTS = "texts"
    """A .jsonl file, one text a line."""
    TOKENS = "tokens"
    """A .safetensors file of token ids, labels and row offsets (`ftc_runtime.data.tokens`)."""
    ADAPTER = "adapter"
    """A folder that PEFT loads: adapter_config.json, adapter_model.safetensors."""
    GGUF = "gguf"
    """One file for llama.cpp."""
    PREDICTIONS = "predictions"
    """A .jsonl file: prompt, predict, label."""
    SCORES = "scores"
    """A .json file: metric -> mean over the rows."""
    TABLE = "table"
    """A .jsonl file with a row for each thing measured."""
    REPORT = "report"
    """A .json file of findings, for people."""
    CARD = "card"
    """A model card: Markdown under a YAML header, as Hugging Face's hub reads it."""


SUFFIXES: dict[Artifact, str] = {
    Artifact.CHAT: ".json",
    Artifact.ROWS: ".jsonl",
    Artifact.PREFERENCES: ".jsonl",
    Artifact.JUDGED: ".jsonl",
    Artifact.TEXTS: ".jsonl",
    Artifact.TOKENS: ".safetensors",
    Artifact.GGUF: ".gguf",
    Artifact.PREDICTIONS: ".jsonl",
    Artifact.SCORES: ".json",
    Artifact.TABLE: ".jsonl",
    Artifact.REPORT: ".json",
    Artifact.CARD: ".md",
}
"""How the file of an artifact ends. Those that are not here are folders."""


@dataclass(frozen=True, slots=True)
class Need:
    """An input of a stage kind: what it must be, and which libraries it brings into the key."""

    artifact: Artifact
    optional: bool = False
    many: bool = False
    """Takes a list: the roles are then `train.0`, `train.1`, ..."""
    libraries: tuple[str, ...] = ()
    devices: int = 0
    """The GPUs that a stage uses because it is given this."""


def operational(default: Any, description: str, **constraints: Any) -> Any:
    """Declare a field that changes how the work is done and not its result: it enters no key."""
    return Field(
        default,
        description=description,
        json_schema_extra={"operational": True},
        **constraints,
    )


class Settings(BaseModel):
    """Values that a user may write. Unknown keys are errors; nothing is coerced silently."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True, protected_namespaces=()
    )

    def semantic(self, *, defaults: bool = False) -> dict[str, Json]:
        """Return what enters a key: no operational field, and none that equals its default.

        With *defaults* those too, for people to read.

        Leaving defaults out lets a field be added without moving one old key. Changing a default
        does change the meaning of old keys, so it must raise the kind's `version`.
        """
        kept: dict[str, Json] = {}
        for name, field in type(self).model_fields.items():
            extra = field.json_schema_extra
            if isinstance(extra, dict) and extra.get("operational"):
                continue
            value = _plain(getattr(self, name), defaults=defaults)
            # Compared as they enter a key: an operational setting within is no difference.
            usual = not field.is_required() and value == _plain(
                field.get_default(call_default_factory=True), defaults=defaults
            )
            if defaults or not usual:
                kept[name] = value
        return kept


def _plain(value: Any, *, defaults: bool) -> Json:
    if isinstance(value, Settings):
        return value.semantic(defaults=defaults)
    if isinstance(value, dict):
        return {str(key): _plain(item, defaults=defaults) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, defaults=defaults) for item in value]
    if isinstance(value, Path):
        return value.as_posix()
    return cast(Json, value)


class StageParams(Settings):
    """The settings of one stage kind. Its class variables say what the kind is."""

    kind: ClassVar[str]
    version: ClassVar[int]
    """Raised by hand when the same settings and inputs give other bytes than before."""
    changes: ClassVar[dict[int, str]] = {}
    """Version -> what it makes otherwise than the one before, for `ftc why`."""
    needs: ClassVar[dict[str, Need]] = {}
    makes: ClassVar[dict[str, Artifact]]
    libraries: ClassVar[tuple[str, ...]] = ()
    """The libraries whose versions can change the result: they are part of the key."""
    reproduces: ClassVar[Literal["exact", "seeded", "external"]] = "exact"
    """exact: the same bytes anywhere. seeded: the same bytes on like hardware."""
    takes_source: ClassVar[bool] = False
    """Reads something from outside the project: a file, a package or a hub."""
    devices: ClassVar[int] = 0
    """How many GPUs it uses where there are any. Without one it works on the CPU."""
    resumes: ClassVar[bool] = False
    """Goes on from its newest checkpoint (`ftc_runtime.manifest`), with the same result."""

    def made(self) -> dict[str, Artifact]:
        """Return the outputs of these settings: by default the class's `makes`."""
        return self.makes

    def rehearsed(self) -> Self:
        """Return the settings of a rehearsal: little work that fails where the whole would.

        A kind whose work is little anyway, or must be done whole to be tried, keeps its settings.
        """
        return self


class Source(Settings):
    """Where something comes from, already pinned.

    For a file, a folder or a package's file, *path* is where it lies. For a hub, *revision* is a
    commit and *files* maps each path in the repository to its digest: `sha256:<hex>` of the
    content, or `git:<hex>`, the git blob id that hubs give for small files. For a model from
    scratch both are empty.
    """

    uri: str
    path: Path | None = None
    revision: str | None = None
    files: dict[str, str] = {}


class StageSpec(Settings):
    """One stage with everything resolved: all that its process gets to know."""

    schema_version: int = SCHEMA_VERSION
    stage: str
    """For messages only, such as `sft:assistant`."""
    kind: str
    key: str
    params: dict[str, Any]
    inputs: dict[str, Path] = {}
    digests: dict[str, str] = {}
    """Role -> digest of that input: content, so it may stand in an output."""
    source: Source | None = None
    outputs: dict[str, Path]
    """Where each output is to be written. The parents exist; the outputs do not."""
    work: Path
    """Scratch of this key, and the working folder. Empty, but for a hub's download and the
    checkpoints of a kind that resumes. Goes when the stage is published."""
    libraries: dict[str, str] = {}
    """What the key says: executing with another version is an error."""
    threads: int = 1

    def many(self, role: str) -> list[Path]:
        """Return the inputs `role.0`, `role.1`, ... in order."""
        return list(self._numbered(role))

    def _numbered(self, role: str) -> Iterator[Path]:
        index = 0
        while (name := f"{role}.{index}") in self.inputs:
            yield self.inputs[name]
            index += 1


class Resolve(Settings):
    """Ask a hub what a source is right now. The answer, one JSON line, is a `Source`."""

    command: Literal["resolve"] = "resolve"
    uri: str
    revision: str | None = None


class Examine(Settings):
    """Look at a model: digests, tokenizer, template, greedy tokens. One JSON line comes back."""

    command: Literal["examine"] = "examine"
    model: Path


def params_class(kind: str) -> type[StageParams]:
    """Return the `Params` of a stage kind, importing its `spec.py` and nothing else."""
    module = import_module(f"ftc_runtime.stages.{kind}.spec")
    return cast(type[StageParams], module.Params)
