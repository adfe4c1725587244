"""A tool format as Jinja: what prints in a chat template what `tool_formats` writes.

Every tag trims the white space around it and every text is a string, so the result does not
depend on the options of the engine that renders it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ftc_runtime.templates.jinja_text import jinja_string, when
from ftc_runtime.templates.lines import Lines, indented
from ftc_runtime.templates.tool_formats import ONE_CALL, Listing, ToolFormat, slotted

NAMES = """\
{%- for tool in tools -%}
    {{- tool.function.name -}}
    {%- if not loop.last -%}{{- ', ' -}}{%- endif -%}
{%- endfor -%}"""

# `get`, since a mapping's attribute `items` is its method.
PARAMETERS = """\
{%- set schema = tool.function.parameters or {} -%}
{%- for name, parameter in (schema.properties or {}).items() -%}
    {{- '  - ' + name + ' (' ~ (parameter.type or '') -}}
    {%- if name in (schema.required or []) -%}{{- ', required' -}}{%- endif -%}
    {{- '): ' ~ (parameter.description or '') -}}
    {%- if parameter.enum -%}
        {{- ', should be one of [' + parameter.enum | join(', ') + ']' -}}
    {%- endif -%}
    {%- if parameter.get('items') -%}
        {{- ', where each item should be ' ~ (parameter.get('items').type or '') -}}
    {%- endif -%}
    {{- '\\n' -}}
{%- endfor -%}"""


class JinjaTools(NamedTuple):
    """A format as Jinja."""

    announced: str
    """Prints what `ToolFormat.announced` returns for `tools`, of which there is one at least."""

    called: str
    """Prints what `ToolFormat.called` returns for `message.tool_calls`."""


def jinja_tools(form: ToolFormat) -> JinjaTools:
    """Return what prints tools and calls in a format."""
    indent = f"(indent={form.indent})" if form.indent else ""
    slots = {
        "tool": _printed(f"tool | tojson{indent}"),
        "function": _printed(f"tool.function | tojson{indent}"),
        "name": _printed("tool.function.name"),
        "description": _printed("tool.function.description or ''"),
        "parameters": PARAMETERS.splitlines(),
        "names": NAMES.splitlines(),
    }
    announced = [
        *_words(form.tools.start),
        *_each("tool", "tools", form.tools, slots=slots),
        *_filled(form.tools.end, slots),
    ]
    return JinjaTools("\n".join(announced), "\n".join(_called(form)))


def _called(form: ToolFormat) -> Lines:
    slots = {
        "name": _printed("call.function.name"),
        "json_name": _printed("call.function.name | tojson"),
        # Some engines hand the arguments over as the text that the model wrote.
        "arguments": _printed(
            "call.function.arguments if call.function.arguments is string"
            " else call.function.arguments | tojson"
        ),
    }
    start, end = _words(form.calls.start), _words(form.calls.end)
    several = "message.tool_calls | length > 1"
    if form.lone == "bare":
        start, end = when(several, start), when(several, end)
    if not form.parallel:
        start = when(several, _printed(f"raise_exception({jinja_string(ONE_CALL)})"))
    return [*start, *_each("call", "message.tool_calls", form.calls, slots=slots), *end]


def _each(one: str, many: str, listing: Listing, *, slots: Mapping[str, Lines]) -> Lines:
    separator = when("not loop.last", _words(listing.separator))
    return [
        "{%- for " + one + " in " + many + " -%}",
        *indented([*_filled(listing.item, slots), *separator]),
        "{%- endfor -%}",
    ]


def _filled(text: str, slots: Mapping[str, Lines]) -> Lines:
    lines: Lines = []
    for at, part in enumerate(slotted(text)):
        lines += slots[part] if at % 2 else _words(part)
    return lines


def _words(text: str) -> Lines:
    return _printed(jinja_string(text)) if text else []


def _printed(expression: str) -> Lines:
    return ["{{- " + expression + " -}}"]
