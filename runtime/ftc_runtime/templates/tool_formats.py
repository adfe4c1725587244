"""How tools are announced in the system message, and how an answer calls them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import ToolCall


class JinjaTools(NamedTuple):
    """A format as Jinja. Every tag trims what is around it, and every text is a string."""

    announced: str
    """Prints what `ToolFormat.announced` returns for `tools`, of which there is one at least."""

    called: str
    """Prints what `ToolFormat.called` returns for `message.tool_calls`."""


class ToolFormat(Protocol):
    """One way of writing tools."""

    jinja: JinjaTools

    def announced(self, tools: Sequence[Mapping[str, Json]]) -> str:
        """Return what stands behind the system message's text."""

    def called(self, calls: Sequence[ToolCall]) -> str:
        """Return what the assistant writes to call tools."""


FORMATS: dict[str, ToolFormat] = {}


def tool_format(name: str) -> ToolFormat:
    """Return a format by its name.

    Raises:
        KeyError: if there is none.
    """
    return FORMATS[name]
