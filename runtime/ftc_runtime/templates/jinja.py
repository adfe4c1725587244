"""A defined template as a Jinja chat template, as transformers, vLLM and llama.cpp take it.

Every tag trims the white space around it and every text is a string, so the result does not
depend on the options of the engine that renders it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ftc_runtime.templates.definition import Definition, Thinking
from ftc_runtime.templates.jinja_text import jinja_string, when
from ftc_runtime.templates.lines import Lines, indented
from ftc_runtime.templates.slots import BOS, EOS, Tokens, around
from ftc_runtime.templates.tool_formats import FORMATS
from ftc_runtime.templates.tool_jinja import JinjaTools, jinja_tools

TEXT = """\
{%- macro text(message) -%}
    {%- if message.content is string -%}
        {{- message.content -}}
    {%- elif message.content -%}
        {%- for part in message.content -%}
            {%- if part.type != 'text' -%}
                {{- raise_exception('This template takes text only, not ' ~ part.type) -}}
            {%- endif -%}
            {{- part.text -}}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}"""

LAST_USER = """\
{%- set turns = namespace(last_user=-1) -%}
{%- for message in messages -%}
    {%- if message.role == 'user' -%}
        {%- set turns.last_user = loop.index0 -%}
    {%- endif -%}
{%- endfor -%}"""


def to_jinja(definition: Definition, tokens: Tokens) -> str:
    """Return the chat template that writes what `DefinedTemplate` writes.

    It knows `messages`, `add_generation_prompt`, `tools` and `enable_thinking`. With the last, a
    caller may turn thinking off. On it goes only if the definition does not say that it is off:
    a model that was trained not to think is not to be asked to.
    """
    tools = jinja_tools(FORMATS[definition.tool_format]) if definition.tool_format else None
    return "\n".join(_Compiler(definition, tokens, tools).template())


@dataclass(frozen=True, slots=True)
class _Compiler:
    """Writes the parts of a template, each as lines."""

    definition: Definition
    tokens: Tokens
    tools: JinjaTools | None

    def template(self) -> Lines:
        """The whole of it."""
        defined = self.definition
        lines = [*TEXT.splitlines(), *self.system_text()]
        if defined.thinking and defined.enable_thinking is not False:
            lines += when(
                "enable_thinking is not defined or enable_thinking is none",
                _set("enable_thinking", "true" if defined.enable_thinking else "false"),
            )
        if defined.thinking and not defined.preserve_thinking:
            lines += LAST_USER.splitlines()
        lines += self.printed(defined.prefix)
        if defined.system_place == "own":
            lines += self.system()
        else:
            lines += _set("asked", "namespace(before=false)")
        return [*lines, *self.messages(), *self.end()]

    def system_text(self) -> Lines:
        """What the system message says."""
        return [
            "{%- if messages[0].role == 'system' -%}",
            *indented(_set("system", "text(messages[0])")),
            "{%- else -%}",
            *indented(_set("system", jinja_string(self.definition.default_system or ""))),
            "{%- endif -%}",
        ]

    def system(self) -> Lines:
        """The system message with the tools, if there is anything to say."""
        before, after = around(self.definition.system)
        tools = when("tools", self.tools.announced.splitlines()) if self.tools else []
        return when(
            "system or tools" if self.tools else "system",
            [*self.printed(before), "{{- system -}}", *tools, *self.printed(after)],
        )

    def messages(self) -> Lines:
        """Every message but the system's."""
        turns = [
            "{%- if message.role == 'user' -%}",
            *indented(self.user()),
            "{%- elif message.role == 'tool' -%}",
            *indented(self.tool()),
            "{%- elif message.role == 'assistant' -%}",
            *indented(self.answer()),
            "{%- elif message.role != 'system' or not loop.first -%}",
            "    {{- raise_exception('This template has no place for the role ' ~ message.role"
            " ~ ' in turn ' ~ loop.index) -}}",
            "{%- endif -%}",
        ]
        return ["{%- for message in messages -%}", *indented(turns), "{%- endfor -%}"]

    def user(self) -> Lines:
        """A user's turn, the first of which may hold the system message."""
        before, after = around(self.definition.user)
        system = []
        if self.definition.system_place == "user":
            system = when("not asked.before", [*_set("asked.before", "true"), *self.system()])
        return [*self.printed(before), *system, "{{- text(message) -}}", *self.printed(after)]

    def tool(self) -> Lines:
        """What a tool returned; the results of several calls are one turn."""
        defined = self.definition
        before, after = around(defined.tool or defined.user)
        return [
            "{%- if loop.first or messages[loop.index0 - 1].role != 'tool' -%}",
            *indented(self.printed(before)),
            "{%- else -%}",
            *indented(self.printed(defined.tool_separator)),
            "{%- endif -%}",
            "{{- text(message) -}}",
            *when(
                "loop.last or messages[loop.index0 + 1].role != 'tool'",
                self.printed(after),
            ),
        ]

    def answer(self) -> Lines:
        """What the assistant thinks, says and calls."""
        defined = self.definition
        lines = self.printed(defined.generation_prompt)
        if defined.thinking:
            thought = self.thought(defined.thinking)
            last = "loop.index0 > turns.last_user"
            lines += thought if defined.preserve_thinking else when(last, thought)
        said = self.said(defined.assistant)
        if self.tools is None:
            return [*lines, *said]
        calls = [*when("text(message)", self.printed("\n")), *self.tools.called.splitlines()]
        return [
            *lines,
            "{%- if message.tool_calls -%}",
            *indented(self.said(defined.tool_calls or defined.assistant, calls)),
            "{%- else -%}",
            *indented(said),
            "{%- endif -%}",
        ]

    def said(self, slot: str, calls: Iterable[str] = ()) -> Lines:
        """The content of an answer in its slot, and what it calls."""
        before, after = around(slot)
        return [*self.printed(before), "{{- text(message) -}}", *calls, *self.printed(after)]

    def thought(self, thinking: Thinking) -> Lines:
        """A thought, or the empty one of an answer without."""
        empty = self.printed(thinking.start + thinking.end)
        if self.definition.enable_thinking is False:
            return empty
        return [
            "{%- if enable_thinking -%}",
            *indented(self.printed(thinking.start)),
            "    {{- message.reasoning_content or '' -}}",
            *indented(self.printed(thinking.end)),
            "{%- else -%}",
            *indented(empty),
            "{%- endif -%}",
        ]

    def end(self) -> Lines:
        """The header of the answer that is asked for, or what stands behind the last one."""
        defined = self.definition
        prompt = self.printed(defined.generation_prompt)
        if defined.thinking:
            empty = self.printed(defined.thinking.start + defined.thinking.end)
            off = defined.enable_thinking is False
            prompt += empty if off else when("not enable_thinking", empty)
        lines = when("add_generation_prompt", prompt)
        if defined.suffix:
            last = "not add_generation_prompt and messages[-1].role == 'assistant'"
            lines += when(last, self.printed(defined.suffix))
        return lines

    def printed(self, slot: str) -> Lines:
        """What prints a text of the template's own."""
        variables = {BOS: "bos_token" if self.tokens.bos else "", EOS: self.eos()}
        parts = re.split(f"({re.escape(BOS)}|{re.escape(EOS)})", slot)
        words = [
            variables[part] if part in variables else jinja_string(part) for part in parts if part
        ]
        said = " + ".join(word for word in words if word)
        return ["{{- " + said + " -}}"] if said else []

    def eos(self) -> str:
        """The end-of-sequence token; if the template chooses it, it is no variable."""
        if self.definition.replace_eos:
            return jinja_string(self.tokens.eos)
        return "eos_token" if self.tokens.eos else ""


def _set(name: str, value: str) -> Lines:
    return ["{%- set " + name + " = " + value + " -%}"]
