"""How tools are announced in the system message, and how an answer calls them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import ToolCall


class ToolFormat(Protocol):
    """One way of writing tools."""

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
