"""Tool formats as Jinja print what the formats write."""

from __future__ import annotations

import jinja2
import pytest
from transformers.utils.chat_template_utils import _compile_jinja_template

from ftc_runtime.templates.definition import ToolFormatName
from ftc_runtime.templates.tool_formats import FORMATS, ONE_CALL
from ftc_runtime.templates.tool_jinja import jinja_tools
from tool_probes import CALLS, TOOLS, TWO


def same(text: str) -> str:
    """Return a text as it is."""
    return text


def printed(template: str, **values: object) -> str:
    """Return what transformers makes of a template."""
    text: str = _compile_jinja_template(template).render(**values)
    return text


@pytest.mark.parametrize("probe", TOOLS)
@pytest.mark.parametrize("name", FORMATS)
def test_tools_are_announced_alike(name: ToolFormatName, probe: str) -> None:
    """By the text and by transformers."""
    tools = TOOLS[probe]

    assert printed(jinja_tools(FORMATS[name]).announced, tools=tools) == (
        FORMATS[name].announced(tools, same)
    )


@pytest.mark.parametrize("probe", CALLS)
@pytest.mark.parametrize("name", FORMATS)
def test_tools_are_called_alike(name: ToolFormatName, probe: str) -> None:
    """By the text and by transformers; what one refuses, the other does."""
    calls = CALLS[probe]
    message = {
        "tool_calls": [
            {"function": {"name": call.name, "arguments": call.arguments}} for call in calls
        ]
    }
    template = jinja_tools(FORMATS[name]).called

    if name == "glm4" and calls == TWO:
        with pytest.raises(jinja2.TemplateError, match=ONE_CALL):
            printed(template, message=message)
    else:
        assert printed(template, message=message) == FORMATS[name].called(calls, same)


def test_arguments_may_be_the_text_that_a_model_wrote() -> None:
    """Servers of the OpenAI API hand them over so."""
    function = {"name": "now", "arguments": '{"a":1}'}

    text = printed(
        jinja_tools(FORMATS["default"]).called, message={"tool_calls": [{"function": function}]}
    )

    assert text == 'Action: now\nAction Input: {"a":1}'
