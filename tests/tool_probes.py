"""Tools and calls to try tool formats on."""

from __future__ import annotations

from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import ToolCall

WEATHER: dict[str, Json] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Today's weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Its name"},
                "unit": {"type": "string", "description": "A unit", "enum": ["C", "F"]},
            },
            "required": ["city"],
        },
    },
}

NOW: dict[str, Json] = {
    "type": "function",
    "function": {
        "name": "now",
        "description": "",
        "parameters": {"type": "object", "properties": {}},
    },
}
"""Takes nothing."""

ODD: dict[str, Json] = {
    "type": "function",
    "function": {
        "name": "查询",
        "description": 'Says "<b>" & \\n\n\ttwo  lines 🦙\u2028\u00a0',
        "parameters": {
            "type": "object",
            "properties": {
                "items": {"type": "array", "items": {"type": "string"}},
                "keys": {"description": "每个", "enum": [1, "二"]},
                "area": {
                    "type": "object",
                    "properties": {"south": {"type": "number"}, "north": {"type": "number"}},
                },
            },
            "required": ["items", "keys"],
        },
    },
}
"""Text that JSON escapes in some languages, names that are methods in others, and an order."""

BARE: dict[str, Json] = {"type": "function", "function": {"name": "bare"}}
"""A name and nothing else."""

ONE = [ToolCall("get_weather", {"city": "Köln"})]
TWO = [*ONE, ToolCall("now", {})]
NESTED = [
    ToolCall(
        "查询",
        {
            "where": {"z": [1, 2.5, None, True], "a": {"deep": "<&>'\"\\\n\t\x01"}},
            "text": "二 {{x}} {% y %}",
        },
    )
]

TOOLS = {
    "one": [WEATHER],
    "two": [WEATHER, NOW],
    "no parameters": [NOW],
    "a name alone": [BARE],
    "odd": [ODD, WEATHER],
}
CALLS = {"one": ONE, "two": TWO, "nested": NESTED}
