"""A defined template for Ollama: a Go template, stop words and parameters of a Modelfile.

Ollama renders a prompt by this template or by the Jinja template in the GGUF, if that can do more.
What they can do it reads off their text: tools and thinking, counted. Both write what training
wrote, so for conversations without tools it is the same which it takes.

Tools are left to the Jinja template. Ollama gives a Go template the arguments of a call as a map,
which Go writes in alphabetical order, and not in the one that the model was trained on.

Every tag trims the white space before it and the texts are strings, so lines may be indented. Only
the marks of a thought are plain text, since that is where Ollama looks for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from ftc_runtime.templates.definition import Definition, Thinking
from ftc_runtime.templates.slots import BOS, Tokens, around

Lines = list[str]

SYSTEM = """\
{{- range .Messages }}
    {{- if eq .Role "system" }}{{ $system = $.System }}{{ end }}
{{- end }}"""

LAST_USER = """\
{{- $last := -1 }}
{{- range $at, $message := .Messages }}
    {{- if eq .Role "user" }}{{ $last = $at }}{{ end }}
{{- end }}"""

BOS_LIMIT = (
    "the beginning-of-sequence token is not in it: llama.cpp puts it there, as the GGUF says"
)
SPECIALS_LIMIT = "a message that spells a special token, such as {}, becomes that token"
TURNS_LIMIT = (
    "several messages of one role behind one another become one, with an empty line between; "
    "system messages stand in front, wherever they were"
)
LENGTH_LIMIT = "of a conversation beyond num_ctx the oldest turns are left out"
TOOLS_LIMIT = (
    "tools are written by the GGUF's chat template, and Ollama hands them over in a form of its "
    "own: a schema's `required` before its `properties`, and without keys that it does not know; "
    "an Ollama that cannot use the GGUF's template refuses tools"
)


@dataclass(frozen=True, slots=True)
class OllamaTemplate:
    """What of a Modelfile decides on the prompt, and on where an answer ends."""

    template: str
    """TEMPLATE, in Go."""

    stop: tuple[str, ...]
    """PARAMETER stop, once for each."""

    num_ctx: int | None
    """PARAMETER num_ctx, in tokens. Ollama's own default is much shorter than most models'."""

    add_bos: bool
    """What the GGUF must say of `tokenizer.ggml.add_bos_token`, for the prompt to be the same."""

    limits: tuple[str, ...]
    """Where a prompt in Ollama may differ from one in training, for people."""

    def parameters(self) -> list[tuple[str, str | int]]:
        """Return the Modelfile's parameters in order."""
        length: list[tuple[str, str | int]] = (
            [] if self.num_ctx is None else [("num_ctx", self.num_ctx)]
        )
        return [*length, *(("stop", word) for word in self.stop)]


def to_ollama(
    definition: Definition, tokens: Tokens, *, num_ctx: int | None = None
) -> OllamaTemplate:
    """Return what makes Ollama write the prompts that `DefinedTemplate` writes."""
    ends = [*definition.stop, tokens.eos]
    return OllamaTemplate(
        template="\n".join(_Compiler(definition, tokens).template()),
        stop=tuple(dict.fromkeys(end for end in ends if end)),
        num_ctx=num_ctx,
        add_bos=bool(tokens.bos) and definition.prefix.startswith(BOS),
        limits=_limits(definition, tokens),
    )


def _limits(definition: Definition, tokens: Tokens) -> tuple[str, ...]:
    end = next(iter([*definition.stop, tokens.eos]), "")
    limits = [TURNS_LIMIT, LENGTH_LIMIT]
    if end:
        limits.insert(0, SPECIALS_LIMIT.format(end))
    if tokens.bos and definition.prefix.startswith(BOS):
        limits.insert(0, BOS_LIMIT)
    if definition.tool_format:
        limits.append(TOOLS_LIMIT)
    return tuple(limits)


@dataclass(frozen=True, slots=True)
class _Compiler:
    """Writes the parts of a template, each as lines."""

    definition: Definition
    tokens: Tokens

    def template(self) -> Lines:
        """The whole of it."""
        defined = self.definition
        lines = [
            *_set("$system", _string(defined.default_system or ""), new=True),
            *SYSTEM.splitlines(),
            *self.think(),
            *_set("$returned", "false", new=True),
            *self.printed(defined.prefix.removeprefix(BOS)),
        ]
        if defined.system_place == "own":
            lines += self.system()
        else:
            lines += _set("$asked", "false", new=True)
        return [*lines, *self.messages(), *self.end()]

    def think(self) -> Lines:
        """Whether the model is to think: the definition's choice, unless a request has its own.

        A model that was trained not to think is not to be asked to.
        """
        defined = self.definition
        lines: Lines = []
        if self.may_think():
            lines += _set("$think", "true" if defined.enable_thinking else "false", new=True)
            lines += _when(".IsThinkSet", _set("$think", ".Think"))
        if defined.thinking and not defined.preserve_thinking:
            lines += LAST_USER.splitlines()
        return lines

    def may_think(self) -> bool:
        """Whether a request decides on thinking."""
        return self.definition.thinking is not None and self.definition.enable_thinking is not False

    def system(self) -> Lines:
        """The system message, if there is one."""
        before, after = around(self.definition.system)
        return _when("$system", [*self.printed(before), "{{- $system }}", *self.printed(after)])

    def messages(self) -> Lines:
        """Every message but the system's. The results of several calls are one turn."""
        before, after = around(self.definition.tool or self.definition.user)
        returned = _when("$returned", [*_set("$returned", "false"), *self.printed(after)])
        turns = [
            '{{- if eq .Role "tool" }}',
            "    {{- if $returned }}",
            *_indented(_indented(self.printed(self.definition.tool_separator))),
            "    {{- else }}",
            *_indented(_indented([*_set("$returned", "true"), *self.printed(before)])),
            "    {{- end }}",
            "    {{- .Content }}",
            '{{- else if eq .Role "user" }}',
            *_indented([*returned, *self.user()]),
            '{{- else if eq .Role "assistant" }}',
            *_indented([*returned, *self.answer()]),
            "{{- end }}",
        ]
        return [
            "{{- range $at, $message := .Messages }}",
            *_indented(turns),
            "{{- end }}",
            *returned,
        ]

    def user(self) -> Lines:
        """A user's turn, the first of which may hold the system message."""
        before, after = around(self.definition.user)
        system: Lines = []
        if self.definition.system_place == "user":
            system = _when("not $asked", [*_set("$asked", "true"), *self.system()])
        return [*self.printed(before), *system, "{{- .Content }}", *self.printed(after)]

    def answer(self) -> Lines:
        """What the assistant thinks and says."""
        defined = self.definition
        before, after = around(defined.assistant)
        thought: Lines = []
        if defined.thinking:
            thought = self.thought(defined.thinking)
            if not defined.preserve_thinking:
                thought = _when("gt $at $last", thought)
        return [
            *self.printed(defined.generation_prompt),
            *thought,
            *self.printed(before),
            "{{- .Content }}",
            *self.printed(after),
        ]

    def thought(self, thinking: Thinking) -> Lines:
        """A thought, or the empty one of an answer without."""
        empty = self.printed(thinking.start + thinking.end)
        if not self.may_think():
            return empty
        start, end = _plain(thinking.start), _plain(thinking.end)
        shown = ["{{- if $think }}" + start + "{{ .Thinking }}" + end + "{{ else }}"]
        if self.definition.tool_format and "<think>" not in start:
            # Ollama would count thinking here and not in the Jinja template, and take this one.
            shown = [
                "{{- if $think }}",
                *_indented(self.printed(thinking.start)),
                "    {{- .Thinking }}",
                *_indented(self.printed(thinking.end)),
                "{{- else }}",
            ]
        return [*shown, *_indented(empty), "{{- end }}"]

    def end(self) -> Lines:
        """The header of the answer that is asked for."""
        defined = self.definition
        lines = self.printed(defined.generation_prompt)
        if defined.thinking:
            empty = self.printed(defined.thinking.start + defined.thinking.end)
            lines += _when("not $think", empty) if self.may_think() else empty
        return lines

    def printed(self, slot: str) -> Lines:
        """What prints a text of the template's own."""
        text = self.tokens.filled(slot)
        return ["{{- " + _string(text) + " }}"] if text else []


def _when(condition: str, lines: Lines) -> Lines:
    if not lines:
        return []
    return ["{{- if " + condition + " }}", *_indented(lines), "{{- end }}"]


def _set(name: str, value: str, *, new: bool = False) -> Lines:
    return ["{{- " + name + (" := " if new else " = ") + value + " }}"]


def _indented(lines: Iterable[str]) -> Lines:
    return [f"    {line}" for line in lines]


def _string(text: str) -> str:
    """Return a text as a Go string, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)


def _plain(text: str) -> str:
    """Return a text as it may stand between tags."""
    return text.replace("{{", '{{ "{{" }}')
