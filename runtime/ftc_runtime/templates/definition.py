"""A chat template as data: what stands around each message. Light: pydantic and yaml only.

A template is defined once, in a file of `library/` or under `templates:`, and everything else is
compiled from it: token ids with a mask, a Jinja template, Ollama's Go template.

In a slot `{{content}}` is what the message says, and `{{bos}}` and `{{eos}}` are the tokenizer's
own tokens.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

from ftc_runtime.contract import Settings

ToolFormatName = Literal["default", "qwen", "llama3", "mistral", "glm4"]
"""The formats of `tool_formats.py`."""

LIBRARY = Path(__file__).parent / "library"


class Thinking(Settings):
    """What stands around a thought, in front of the answer."""

    start: str = Field(default="<think>\n", description="In front of a thought")
    end: str = Field(default="\n</think>\n\n", description="Behind a thought")


class Slots(Settings):
    """What a template writes. All of it can be changed by a template of the project's own."""

    prefix: str = Field(default="", description="Once, in front of everything")
    system: str = Field(default="{{content}}", description="The system message")
    system_place: Literal["own", "user"] = Field(
        default="own",
        description="own: a turn of its own. user: the slot's text stands in the first user turn",
    )
    default_system: str | None = Field(
        default=None, description="The system message of a conversation that has none"
    )
    user: str = Field(default="{{content}}", description="A user's turn")
    generation_prompt: str = Field(
        default="", description="In front of an answer, and not part of it: the assistant's header"
    )
    assistant: str = Field(
        default="{{content}}{{eos}}",
        description="An answer with its end: what the model is trained to say",
    )
    tool_calls: str | None = Field(
        default=None, description="An answer that calls tools; like `assistant` unless given"
    )
    tool: str | None = Field(
        default=None, description="What tools returned; like `user` unless given"
    )
    tool_separator: str = Field(
        default="\n", description="Between the results of several tools in one turn"
    )
    tool_format: ToolFormatName | None = Field(
        default=None, description="How tools and calls are written; without it there are none"
    )
    thinking: Thinking | None = Field(
        default=None, description="How thoughts are written; without it there are none"
    )
    enable_thinking: bool | None = Field(
        default=None, description="Whether the model is to think; to be chosen where it can"
    )
    preserve_thinking: bool = Field(
        default=True, description="Keep the thoughts of earlier answers, rather than of the last"
    )
    suffix: str = Field(default="", description="Once, behind the last answer, and trained")
    stop: list[str] = Field(
        default=[], description="What ends an answer, beside the tokenizer's end-of-sequence token"
    )
    replace_eos: bool = Field(
        default=False, description="Make the first `stop` the end-of-sequence token"
    )


class Definition(Slots):
    """A whole template, as it enters a key."""


class Thinks(Settings):
    """The choice whether a model is to think."""

    enable_thinking: bool | None = Field(
        default=None, description="Whether the model is to think; for a template that lets it"
    )


class Chat(Thinks):
    """How a model is spoken to: what the `chat` of a `template` stage holds."""

    template: Literal["auto"] | Definition = Field(
        default="auto", description="auto is the model's own chat template"
    )

    @property
    def thinks(self) -> bool | None:
        """What was chosen, for the template or for the model."""
        chosen = None if isinstance(self.template, str) else self.template.enable_thinking
        return self.enable_thinking if chosen is None else chosen


@cache
def library() -> dict[str, Path]:
    """Return the built-in templates: their names, and the files that define them."""
    return {path.stem: path for path in sorted(LIBRARY.glob("*.yaml"))}


@cache
def built_in(name: str) -> Definition:
    """Return a built-in template.

    Raises:
        KeyError: if there is none of that name.
    """
    return Definition.model_validate(_slots(name))


def _slots(name: str) -> dict[str, Any]:
    """Return what a file says, on top of what the one says that it extends."""
    slots: dict[str, Any] = yaml.safe_load(library()[name].read_text(encoding="utf-8")) or {}
    base = slots.pop("extends", None)
    return {**(_slots(base) if base else {}), **slots}


def extended(base: str, changes: dict[str, Any]) -> Definition:
    """Return a built-in template with some slots changed.

    Raises:
        KeyError: if there is no template *base*.
    """
    return Definition.model_validate({**built_in(base).model_dump(exclude_unset=True), **changes})
