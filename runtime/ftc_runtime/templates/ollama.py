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

from collections.abc import Iterator
from dataclasses import dataclass

from ftc_runtime.templates.definition import Definition, Thinking
from ftc_runtime.templates.go_text import go_plain, go_set, go_string, go_when
from ftc_runtime.templates.lines import Lines, indented
from ftc_runtime.templates.slots import BOS, Tokens, around

SYSTEM = """\
{{- range .Messages }}
    {{- if eq .Role "system" }}{{ $system = $.System }}{{ end }}
{{- end }}"""

LAST_USER = """\
{{- $last := -1 }}
{{- range $at, $message := .Messages }}
    {{- if eq .Role "user" }}{{ $last = $at }}{{ end }}
{{- end }}"""

BOS_LIMIT = "The beginning-of-sequence token is added by llama.cpp, if the GGUF says so."
SPECIALS_LIMIT = "A message that spells a special token becomes that token."
TURNS_LIMIT = (
    "Messages of one role behind one another are joined with an empty line between; "
    "system messages stand in front."
)
LENGTH_LIMIT = "Of a conversation beyond `num_ctx` the oldest turns are left out."
THINKING_LIMIT = "`think: true` is without effect on a model that was trained not to think."
TOOLS_LIMIT = (
    "A tool's schema comes in Ollama's own order of keys, and without those that it does not know."
)
OLD_LIMIT = "An Ollama that does not use the Jinja template in a GGUF refuses tools."


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
    add_bos = bool(tokens.bos) and definition.prefix.startswith(BOS)
    return OllamaTemplate(
        template="\n".join(_Compiler(definition, tokens).template()),
        stop=tuple(dict.fromkeys(end for end in ends if end)),
        num_ctx=num_ctx,
        add_bos=add_bos,
        limits=tuple(_limits(definition, add_bos=add_bos)),
    )


def _limits(definition: Definition, *, add_bos: bool) -> Iterator[str]:
    if add_bos:
        yield BOS_LIMIT
    yield from (SPECIALS_LIMIT, TURNS_LIMIT, LENGTH_LIMIT)
    if definition.thinking and definition.enable_thinking is False:
        yield THINKING_LIMIT
    if definition.tool_format:
        yield from (TOOLS_LIMIT, OLD_LIMIT)


@dataclass(frozen=True, slots=True)
class _Compiler:
    """Writes the parts of a template, each as lines."""

    definition: Definition
    tokens: Tokens

    def template(self) -> Lines:
        """The whole of it."""
        defined = self.definition
        lines = [
            *go_set("$system", go_string(defined.default_system or ""), new=True),
            *SYSTEM.splitlines(),
            *self.think(),
            *go_set("$returned", "false", new=True),
            *self.printed(defined.prefix.removeprefix(BOS)),
        ]
        if defined.system_place == "own":
            lines += self.system()
        else:
            lines += go_set("$asked", "false", new=True)
        return [*lines, *self.messages(), *self.end()]

    def think(self) -> Lines:
        """Whether the model is to think: the definition's choice, unless a request has its own.

        A model that was trained not to think is not to be asked to.
        """
        defined = self.definition
        lines: Lines = []
        if self.may_think():
            lines += go_set("$think", "true" if defined.enable_thinking else "false", new=True)
            lines += go_when(".IsThinkSet", go_set("$think", ".Think"))
        if defined.thinking and not defined.preserve_thinking:
            lines += LAST_USER.splitlines()
        return lines

    def may_think(self) -> bool:
        """Whether a request decides on thinking."""
        return self.definition.thinking is not None and self.definition.enable_thinking is not False

    def system(self) -> Lines:
        """The system message, if there is one."""
        before, after = around(self.definition.system)
        return go_when("$system", [*self.printed(before), "{{- $system }}", *self.printed(after)])

    def messages(self) -> Lines:
        """Every message but the system's. The results of several calls are one turn."""
        before, after = around(self.definition.tool or self.definition.user)
        returned = go_when("$returned", [*go_set("$returned", "false"), *self.printed(after)])
        turns = [
            '{{- if eq .Role "tool" }}',
            "    {{- if $returned }}",
            *indented(indented(self.printed(self.definition.tool_separator))),
            "    {{- else }}",
            *indented(indented([*go_set("$returned", "true"), *self.printed(before)])),
            "    {{- end }}",
            "    {{- .Content }}",
            '{{- else if eq .Role "user" }}',
            *indented([*returned, *self.user()]),
            '{{- else if eq .Role "assistant" }}',
            *indented([*returned, *self.answer()]),
            "{{- end }}",
        ]
        return [
            "{{- range $at, $message := .Messages }}",
            *indented(turns),
            "{{- end }}",
            *returned,
        ]

    def user(self) -> Lines:
        """A user's turn, the first of which may hold the system message."""
        before, after = around(self.definition.user)
        system: Lines = []
        if self.definition.system_place == "user":
            system = go_when("not $asked", [*go_set("$asked", "true"), *self.system()])
        return [*self.printed(before), *system, "{{- .Content }}", *self.printed(after)]

    def answer(self) -> Lines:
        """What the assistant thinks and says."""
        defined = self.definition
        before, after = around(defined.assistant)
        thought: Lines = []
        if defined.thinking:
            thought = self.thought(defined.thinking)
            if not defined.preserve_thinking:
                thought = go_when("gt $at $last", thought)
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
        start, end = (go_plain(self.tokens.filled(mark)) for mark in (thinking.start, thinking.end))
        shown = ["{{- if $think }}" + start + "{{ .Thinking }}" + end + "{{ else }}"]
        if self.definition.tool_format and "<think>" not in start:
            # Ollama would count thinking here and not in the Jinja template, and take this one.
            shown = [
                "{{- if $think }}",
                *indented(self.printed(thinking.start)),
                "    {{- .Thinking }}",
                *indented(self.printed(thinking.end)),
                "{{- else }}",
            ]
        return [*shown, *indented(empty), "{{- end }}"]

    def end(self) -> Lines:
        """The header of the answer that is asked for."""
        defined = self.definition
        lines = self.printed(defined.generation_prompt)
        if defined.thinking:
            empty = self.printed(defined.thinking.start + defined.thinking.end)
            lines += go_when("not $think", empty) if self.may_think() else empty
        return lines

    def printed(self, slot: str) -> Lines:
        """What prints a text of the template's own."""
        text = self.tokens.filled(slot)
        return ["{{- " + go_string(text) + " }}"] if text else []
