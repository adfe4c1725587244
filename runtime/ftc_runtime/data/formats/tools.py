"""Tools and their calls, in the one form that rows keep them in: that of the OpenAI API.

The order of keys is kept, since a template writes them in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import ToolCall
from ftc_runtime.data.formats.values import RowFault, json_value, parsed, text

Tool = Mapping[str, Json]


def tools_in(row: Mapping[str, Any], column: str) -> tuple[Tool, ...]:
    """Return the tools of a column: a list, or JSON text that is one.

    Raises:
        RowFault: if there is something else.
    """
    value = row.get(column)
    if value is None or (isinstance(value, str) and not value.strip()):
        return ()
    value = parsed(value, named=column)
    tools = value if isinstance(value, list) else [value]
    return tuple(_tool(tool, column) for tool in tools)


def _tool(tool: Any, column: str) -> Tool:
    """Return a tool as `{"type": "function", "function": {...}}`."""
    if not isinstance(tool, dict):
        raise RowFault(f"{column} is not a list of tools")
    function = tool["function"] if isinstance(tool.get("function"), dict) else tool
    _name(function, named=column)
    json_value(function, named=column)
    return {"type": "function", "function": function}


def call_from(call: Any, *, named: str) -> ToolCall:
    """Return a call: `{"name": ..., "arguments": ...}`, or that as `function` of an object.

    Arguments are an object, or JSON text that is one.

    Raises:
        RowFault: if it is none.
    """
    function = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise RowFault(f"{named} is not a call of a tool")
    name = _name(function, named=named)
    given = function.get("arguments")
    if given is None or given == "":
        given = {}
    arguments = parsed(given, named=f"{named}.arguments")
    if not isinstance(arguments, dict):
        raise RowFault(f"{named}.arguments is not an object")
    return ToolCall(name, cast(Mapping[str, Json], json_value(arguments, named=named)))


def _name(function: Mapping[str, Any], *, named: str) -> str:
    name = function.get("name")
    if not isinstance(name, str) or not name.strip():
        raise RowFault(f"{named} has a tool without a name")
    return text(name, named=named)
