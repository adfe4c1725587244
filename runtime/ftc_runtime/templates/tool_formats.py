"""How tools are announced in the system message, and how an answer calls them.

A format is data: text with slots, from which the text of a conversation is written here, Jinja in
`tool_jinja.py` and Go in `tool_go.py`. The names and the texts are LLaMA-Factory's, so that data
and models of one fit the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import ToolCall
from ftc_runtime.templates.definition import ToolFormatName
from ftc_runtime.templates.rendered import TemplateFault

Tool = Mapping[str, Json]
Said = Callable[[str], str]
"""Makes text of the conversation's own safe: what spells a special token in it stays text."""

SLOT = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True)
class Listing:
    """How several things are written behind one another. `{{...}}` in *item* is their own text."""

    item: str
    start: str = ""
    separator: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class ToolFormat:
    """One way of writing tools.

    The slots of a tool: `tool`, the whole as JSON; `function`, what is in it; `name` and
    `description` as they are; `parameters`, a list for people. `names` in *end* is that of all.
    The slots of a call: `name`; `json_name`, in quotes; `arguments`, as JSON.
    """

    tools: Listing
    calls: Listing
    indent: int | None = None
    """How far JSON of a tool is indented; on one line if None."""
    lone: Literal["listed", "bare", "only"] = "listed"
    """One call: like several; without *start* and *end*; or there are never several."""

    @property
    def parallel(self) -> bool:
        """Whether an answer may call several tools at once."""
        return self.lone != "only"

    def announced(self, tools: Sequence[Tool], said: Said) -> str:
        """Return what stands behind the system message's text.

        Raises:
            TemplateFault: if a tool is no function with a name.
        """
        names = said(", ".join(_named(tool)[0] for tool in tools))
        return _listed(
            self.tools, [self._tool_slots(tool, said) for tool in tools], common={"names": names}
        )

    def called(self, calls: Sequence[ToolCall], said: Said) -> str:
        """Return what the assistant writes to call tools.

        Raises:
            TemplateFault: if there are several, which the format cannot write.
        """
        if len(calls) > 1 and not self.parallel:
            raise TemplateFault(ONE_CALL)
        listing = self.calls
        if len(calls) == 1 and self.lone == "bare":
            listing = Listing(listing.item)
        return _listed(listing, [_call_slots(call, said) for call in calls])

    def _tool_slots(self, tool: Tool, said: Said) -> dict[str, str]:
        name, function = _named(tool)
        return {
            "tool": said(_json(tool, self.indent)),
            "function": said(_json(function, self.indent)),
            "name": said(name),
            "description": said(str(function.get("description") or "")),
            "parameters": said(_parameters(function)),
        }


ONE_CALL = "it calls several tools at once, which its `tool_format` cannot write"


def slotted(text: str) -> list[str]:
    """Return words and the names of slots by turns, words first and last."""
    return SLOT.split(text)


def _listed(
    listing: Listing, items: Sequence[Mapping[str, str]], *, common: Mapping[str, str] | None = None
) -> str:
    written = [_filled(listing.item, slots) for slots in items]
    end = _filled(listing.end, common or {})
    return listing.start + listing.separator.join(written) + end


def _filled(text: str, slots: Mapping[str, str]) -> str:
    return SLOT.sub(lambda slot: slots[slot[1]], text)


def _call_slots(call: ToolCall, said: Said) -> dict[str, str]:
    return {
        "name": said(call.name),
        "json_name": said(_json(call.name)),
        "arguments": said(_json(call.arguments)),
    }


def _json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _named(tool: Tool) -> tuple[str, dict[str, Json]]:
    """Return the function that a tool is, and its name in front."""
    function = tool.get("function")
    if isinstance(function, dict) and isinstance(name := function.get("name"), str):
        return name, function
    raise TemplateFault(f"a tool is no function with a name: {_json(tool)[:80]}")


def _parameters(function: Mapping[str, Json]) -> str:
    """Return one line for each parameter of a function."""
    schema = _mapping(function.get("parameters"))
    required = schema.get("required") or []
    lines = []
    for name, described in _mapping(schema.get("properties")).items():
        parameter = _mapping(described)
        kind = str(parameter.get("type") or "")
        kind += ", required" if isinstance(required, list) and name in required else ""
        text = str(parameter.get("description") or "")
        if isinstance(choices := parameter.get("enum"), list) and choices:
            text += f", should be one of [{', '.join(map(str, choices))}]"
        if items := _mapping(parameter.get("items")):
            text += f", where each item should be {items.get('type') or ''}"
        lines.append(f"  - {name} ({kind}): {text}\n")
    return "".join(lines)


def _mapping(value: object) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


QWEN = ToolFormat(
    tools=Listing(
        start="\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        "You are provided with function signatures within <tools></tools> XML tags:\n<tools>",
        item="\n{{tool}}",
        end="\n</tools>\n\nFor each function call, return a json object with function name and "
        "arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n"
        '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>',
    ),
    calls=Listing(
        item='<tool_call>\n{"name": {{json_name}}, "arguments": {{arguments}}}\n</tool_call>',
        separator="\n",
    ),
)

LLAMA3 = ToolFormat(
    # The day is the one that Llama 3's own template names where there is no clock. With today's,
    # the same data would have other tokens tomorrow.
    tools=Listing(
        start="Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
        "You have access to the following functions. To call a function, please respond with JSON "
        'for a function call. Respond in the format {"name": function name, "parameters": '
        "dictionary of argument name and its value}. Do not use variables.\n\n",
        item="{{tool}}\n\n",
    ),
    calls=Listing(
        start="[",
        item='{"name": {{json_name}}, "parameters": {{arguments}}}',
        separator=", ",
        end="]",
    ),
    indent=4,
    lone="bare",
)

MISTRAL = ToolFormat(
    tools=Listing(
        start="[AVAILABLE_TOOLS] [", item="{{tool}}", separator=", ", end="][/AVAILABLE_TOOLS]"
    ),
    calls=Listing(
        start="[",
        item='{"name": {{json_name}}, "arguments": {{arguments}}}',
        separator=", ",
        end="]",
    ),
)

GLM4 = ToolFormat(
    tools=Listing(
        start="你是一个名为 ChatGLM 的人工智能助手。你是基于智谱 AI 公司训练的语言模型 GLM-4 "
        "模型开发的，你的任务是针对用户的问题和要求提供适当的答复和支持。\n\n# 可用工具",
        item="\n\n## {{name}}\n\n{{function}}\n在调用上述函数时，请使用 Json 格式表示调用的参数。",
    ),
    calls=Listing(item="{{name}}\n{{arguments}}"),
    indent=4,
    lone="only",
)

DEFAULT = ToolFormat(
    tools=Listing(
        start="You have access to the following tools:\n",
        item="> Tool Name: {{name}}\nTool Description: {{description}}\n"
        "Tool Args:\n{{parameters}}\n",
        end="Use the following format if using a tool:\n```\n"
        "Action: tool name (one of [{{names}}])\n"
        "Action Input: the input to the tool, in a JSON format representing the kwargs "
        '(e.g. ```{"input": "hello world", "num_beams": 5}```)\n```\n',
    ),
    calls=Listing(item="Action: {{name}}\nAction Input: {{arguments}}", separator="\n"),
)

FORMATS: dict[ToolFormatName, ToolFormat] = {
    "default": DEFAULT,
    "qwen": QWEN,
    "llama3": LLAMA3,
    "mistral": MISTRAL,
    "glm4": GLM4,
}
