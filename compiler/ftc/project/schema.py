"""What every item of project.yaml is, how it refers to others, and how it becomes stages.

An item adds a name and references to the `Params` of its stages; it declares no setting of its
own that a stage has declared. It knows how it is built: `lower` asks for the stages that it needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from ftc_runtime.contract import Artifact, Settings, StageParams
from ftc_runtime.templates.definition import Chat

ParamsT = TypeVar("ParamsT", bound=StageParams)


@dataclass(frozen=True, slots=True)
class Reference:
    """Marks a string field as the name of an item, or of one output of an item.

    *wants*: the kinds of artifact that will do, the best first. `references.py` checks that the
    name exists and makes one of them; `Lowering.output` looks it up with the same words.

    *variants*: what the bare name of an item with a `matrix` means here. along: the item that
    refers to it is expanded with it. all: every variant, one behind the other. one: nothing, since
    one of them has to be named.
    """

    wants: tuple[Artifact, ...]
    variants: Literal["along", "all", "one"] = "along"


@dataclass(frozen=True, slots=True)
class Output:
    """One named output of one stage."""

    stage: str
    output: str
    artifact: Artifact


class Lowering(Protocol):
    """What an item may ask for while it becomes stages."""

    def stage(
        self,
        params: StageParams,
        *,
        inputs: Mapping[str, Output | Sequence[Output] | None],
        suffix: str = "",
        source: str | None = None,
        revision: str | None = None,
    ) -> dict[str, Output]:
        """Add a stage of the kind of *params*, or find the equal one; return its outputs by name.

        *suffix* is put behind the item's name: `.q8_0`.
        """

    def output(self, reference: str, *wants: Artifact) -> Output:
        """Return the output that a checked reference means, building its item's stages first."""

    def chat(self, template: str, enable_thinking: bool | None) -> Chat:
        """Return what the checked name of a template means."""

    def loaded(self, reference: str, *wants: Artifact) -> Loaded:
        """Return what it takes to run the model that a checked reference means."""

    def only_lends(self) -> bool:
        """Say whether the item is a model that lends its tokenizer, and no more."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What it takes to run a model: a base with or without an adapter, or a GGUF file."""

    model: Output | None = None
    tokenizer: Output | None = None
    adapter: Output | None = None
    gguf: Output | None = None
    chat: Output | None = None
    carries_chat: bool = True
    """The model's files hold the template that was chosen; not so, unless merged, a named one."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """The scores of one model in an eval. *model* and *dataset* are the names it has there."""

    of: Loaded
    model: str
    dataset: str
    scores: Output
    baseline: bool = False


@dataclass(frozen=True, slots=True)
class Built:
    """What an item came to.

    *outputs*: what others can name (`identity.holdout`). *links*: what `out/<item>/` shows, a path
    there -> the output; "." spreads a folder's files there. *loads*: for each output that is a
    model, how to run it. *measured*: what an eval measured, in its order.
    """

    outputs: dict[str, Output]
    links: dict[str, Output]
    loads: dict[str, Loaded] = field(default_factory=dict)
    measured: tuple[Measurement, ...] = ()


class Item(Settings):
    """One named thing that should exist."""

    section: ClassVar[str]
    makes: ClassVar[dict[str, Artifact]]
    """The outputs that a reference can name. A bare name means the first that will do."""

    def lower(self, to: Lowering) -> Built:
        """Ask *to* for the stages that make this item."""
        raise TypeError(f"{type(self).__name__} has no lowering")

    def outputs(self) -> dict[str, Artifact]:
        """Return what this item, as it is configured, makes: by default the class's `makes`."""
        return self.makes


def settings_of(item: Item, params: type[ParamsT], **more: Any) -> ParamsT:
    """Return the stage's settings that *item* carries as its own fields, and *more*."""
    shared = params.model_fields.keys() & type(item).model_fields.keys()
    own = {name: getattr(item, name) for name in shared}
    return params(**{**own, **more})
