"""How tools are announced and called: the texts, character by character."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from ftc_runtime.data.conversation import ToolCall
from ftc_runtime.templates.definition import ToolFormatName
from ftc_runtime.templates.rendered import TemplateFault
from ftc_runtime.templates.tool_formats import FORMATS
from tool_probes import NESTED, NOW, ODD, ONE, TWO, WEATHER

ANNOUNCED: dict[ToolFormatName, str] = {
    "default": (
        "You have access to the following tools:\n"
        "> Tool Name: get_weather\nTool Description: Today's weather\nTool Args:\n"
        "  - city (string, required): Its name\n"
        "  - unit (string): A unit, should be one of [C, F]\n\n"
        "> Tool Name: now\nTool Description: \nTool Args:\n\n"
        "Use the following format if using a tool:\n```\n"
        "Action: tool name (one of [get_weather, now])\n"
        "Action Input: the input to the tool, in a JSON format representing the kwargs "
        '(e.g. ```{"input": "hello world", "num_beams": 5}```)\n```\n'
    ),
    "qwen": (
        "\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n"
        f"{json.dumps(WEATHER)}\n{json.dumps(NOW)}\n</tools>\n\n"
        "For each function call, return a json object with function name and arguments within "
        "<tool_call></tool_call> XML tags:\n<tool_call>\n"
        '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
    ),
    "llama3": (
        "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
        "You have access to the following functions. To call a function, please respond with JSON "
        'for a function call. Respond in the format {"name": function name, "parameters": '
        "dictionary of argument name and its value}. Do not use variables.\n\n"
        f"{json.dumps(WEATHER, indent=4)}\n\n{json.dumps(NOW, indent=4)}\n\n"
    ),
    "mistral": f"[AVAILABLE_TOOLS] {json.dumps([WEATHER, NOW])}[/AVAILABLE_TOOLS]",
    "glm4": (
        "你是一个名为 ChatGLM 的人工智能助手。你是基于智谱 AI 公司训练的语言模型 GLM-4 模型开发的，"
        "你的任务是针对用户的问题和要求提供适当的答复和支持。\n\n# 可用工具\n\n"
        f"## get_weather\n\n{json.dumps(WEATHER['function'], indent=4)}\n"
        "在调用上述函数时，请使用 Json 格式表示调用的参数。\n\n"
        f"## now\n\n{json.dumps(NOW['function'], indent=4)}\n"
        "在调用上述函数时，请使用 Json 格式表示调用的参数。"
    ),
}

CALLED: dict[ToolFormatName, tuple[str, str]] = {
    "default": (
        'Action: get_weather\nAction Input: {"city": "Köln"}',
        'Action: get_weather\nAction Input: {"city": "Köln"}\nAction: now\nAction Input: {}',
    ),
    "qwen": (
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Köln"}}\n</tool_call>',
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Köln"}}\n</tool_call>\n'
        '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>',
    ),
    "llama3": (
        '{"name": "get_weather", "parameters": {"city": "Köln"}}',
        '[{"name": "get_weather", "parameters": {"city": "Köln"}}, '
        '{"name": "now", "parameters": {}}]',
    ),
    "mistral": (
        '[{"name": "get_weather", "arguments": {"city": "Köln"}}]',
        '[{"name": "get_weather", "arguments": {"city": "Köln"}}, '
        '{"name": "now", "arguments": {}}]',
    ),
    "glm4": ('get_weather\n{"city": "Köln"}', ""),
}


def same(text: str) -> str:
    """Return a text as it is."""
    return text


def test_every_name_has_its_format() -> None:
    """What a template may say, and what there is."""
    assert tuple(FORMATS) == get_args(ToolFormatName)


@pytest.mark.parametrize("name", FORMATS)
def test_tools_are_announced(name: ToolFormatName) -> None:
    """Two, one of which takes nothing."""
    assert FORMATS[name].announced([WEATHER, NOW], same) == ANNOUNCED[name]


@pytest.mark.parametrize("name", FORMATS)
def test_one_tool_is_called(name: ToolFormatName) -> None:
    """Text stays as it is: no character is escaped that JSON does not make escape."""
    assert FORMATS[name].called(ONE, same) == CALLED[name][0]


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "glm4"])
def test_several_tools_are_called_at_once(name: ToolFormatName) -> None:
    """In the order of the data."""
    assert FORMATS[name].called(TWO, same) == CALLED[name][1]


def test_a_format_without_parallel_calls_says_so() -> None:
    """GLM-4 calls one at a time."""
    with pytest.raises(TemplateFault, match="it calls several tools at once"):
        FORMATS["glm4"].called(TWO, same)


def test_the_order_of_arguments_is_that_of_the_data() -> None:
    """However deep they are."""
    called = FORMATS["qwen"].called(NESTED, same)

    assert called == (
        '<tool_call>\n{"name": "查询", "arguments": {"where": {"z": [1, 2.5, null, true], '
        '"a": {"deep": "<&>\'\\"\\\\\\n\\t\\u0001"}}, "text": "二 {{x}} {% y %}"}}\n</tool_call>'
    )


def test_parameters_are_listed_for_people() -> None:
    """Whatever a schema leaves out, and in whatever order it stands."""
    announced = FORMATS["default"].announced([ODD], same)

    assert announced[announced.index("Tool Args") : announced.index("Use the")] == (
        "Tool Args:\n"
        "  - items (array, required): , where each item should be string\n"
        "  - keys (, required): 每个, should be one of [1, 二]\n"
        "  - area (object): \n\n"
    )


def test_only_what_the_data_says_is_made_safe() -> None:
    """The format's own words may be special tokens, and must stay so."""
    announced = FORMATS["mistral"].announced([NOW], str.upper)
    called = FORMATS["qwen"].called([ToolCall("now", {"a": "b"})], str.upper)

    assert announced == f"[AVAILABLE_TOOLS] [{json.dumps(NOW).upper()}][/AVAILABLE_TOOLS]"
    assert called == '<tool_call>\n{"name": "NOW", "arguments": {"A": "B"}}\n</tool_call>'


@pytest.mark.parametrize("tool", [{}, {"function": "now"}, {"function": {"name": 3}}])
def test_a_tool_without_a_name_is_a_fault_of_its_row(tool: dict[str, object]) -> None:
    """Not of ours."""
    with pytest.raises(TemplateFault, match="a tool is no function with a name"):
        FORMATS["default"].announced([tool], same)  # type: ignore[list-item]
