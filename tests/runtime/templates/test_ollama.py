"""Definitions as Ollama's Go templates, rendered by Go: the prompts are those of training."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import go_templates
import smollm2
from ftc_runtime.data.conversation import Conversation, text_message
from ftc_runtime.templates.defined import DefinedTemplate
from ftc_runtime.templates.definition import Definition, built_in, extended, library
from ftc_runtime.templates.jinja import to_jinja
from ftc_runtime.templates.ollama import OllamaTemplate, to_ollama
from ftc_runtime.templates.probes import PROBES
from ftc_runtime.templates.rendered import TemplateFault
from ftc_runtime.templates.slots import tokens_of

needs_go = pytest.mark.skipif(go_templates.GO is None, reason=go_templates.ABSENT)

DOCS = Path(__file__).parents[3] / "docs" / "templates.md"
BOS = "<BOS>"

GEMMA = """\
{{- $system := "" }}
{{- range .Messages }}
    {{- if eq .Role "system" }}{{ $system = $.System }}{{ end }}
{{- end }}
{{- $returned := false }}
{{- $asked := false }}
{{- range $at, $message := .Messages }}
    {{- if eq .Role "tool" }}
        {{- if $returned }}
            {{- "<end_of_turn>\\n<start_of_turn>tool\\n" }}
        {{- else }}
            {{- $returned = true }}
            {{- "<start_of_turn>tool\\n" }}
        {{- end }}
        {{- .Content }}
    {{- else if eq .Role "user" }}
        {{- if $returned }}
            {{- $returned = false }}
            {{- "<end_of_turn>\\n" }}
        {{- end }}
        {{- "<start_of_turn>user\\n" }}
        {{- if not $asked }}
            {{- $asked = true }}
            {{- if $system }}
                {{- $system }}
                {{- "\\n\\n" }}
            {{- end }}
        {{- end }}
        {{- .Content }}
        {{- "<end_of_turn>\\n" }}
    {{- else if eq .Role "assistant" }}
        {{- if $returned }}
            {{- $returned = false }}
            {{- "<end_of_turn>\\n" }}
        {{- end }}
        {{- "<start_of_turn>model\\n" }}
        {{- .Content }}
        {{- "<end_of_turn>\\n" }}
    {{- end }}
{{- end }}
{{- if $returned }}
    {{- $returned = false }}
    {{- "<end_of_turn>\\n" }}
{{- end }}
{{- "<start_of_turn>model\\n" }}"""


@cache
def tokenizer() -> Any:
    """Return a tokenizer whose first and last token are `<BOS>` and `<EOS>`."""
    changed = deepcopy(smollm2.tokenizer())
    changed.add_special_tokens({"bos_token": BOS, "eos_token": "<EOS>"})
    return changed


def definitions() -> Iterator[Definition]:
    """Return every built-in template, and those that can think in all their ways."""
    for name in library():
        yield built_in(name)
        if built_in(name).thinking:
            for thinks in (True, False):
                for preserves in (True, False):
                    changes = {"enable_thinking": thinks, "preserve_thinking": preserves}
                    yield extended(name, changes)


def compiled(definition: Definition) -> OllamaTemplate:
    """Return a definition as Ollama takes it."""
    return to_ollama(definition, tokens_of(definition, tokenizer()))


def prompts() -> list[Conversation]:
    """Return all probes up to each answer, but for those with tools, which Jinja writes."""
    return [
        conversation.upto(turn)
        for conversation in PROBES.values()
        if not conversation.tools
        for turn in range(1, len(conversation.messages) + 1)
        if turn == len(conversation.messages) or conversation.messages[turn].role == "assistant"
    ]


def trained(definition: Definition, conversation: Conversation) -> str | None:
    """Return the prompt in training without its first token, or None if there is no such prompt."""
    try:
        prompt = DefinedTemplate(definition, tokenizer()).prompt(conversation)
    except TemplateFault:
        return None
    assert not prompt.mark
    text = prompt.text
    return text.removeprefix(BOS) if compiled(definition).add_bos else text


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program that renders, compiled once."""
    return go_templates.build(tmp_path_factory.mktemp("go"))


@needs_go
def test_every_built_in_template_writes_the_prompts_of_training(program: Path) -> None:
    """In Go, with Ollama's values, on every probe up to each answer."""
    all_definitions, conversations = list(definitions()), prompts()

    texts = go_templates.rendered(
        program,
        [compiled(definition).template for definition in all_definitions],
        [go_templates.request(conversation) for conversation in conversations],
    )

    compared = 0
    for definition, rendered in zip(all_definitions, texts, strict=True):
        for conversation, text in zip(conversations, rendered, strict=True):
            expected = trained(definition, conversation)
            if expected is not None:
                assert text == expected
                compared += 1
    assert compared > len(all_definitions) * len(conversations) / 2


@needs_go
def test_a_request_decides_on_thinking_where_the_model_can(program: Path) -> None:
    """A model that was trained not to think is not asked to."""
    may, never = (extended("qwen3", {"enable_thinking": thinks}) for thinks in (True, False))
    conversations = prompts()
    off = [trained(never, conversation) for conversation in conversations]

    asked_not = go_templates.rendered(
        program,
        [compiled(may).template],
        [go_templates.request(conversation, think=False) for conversation in conversations],
    )
    asked_to = go_templates.rendered(
        program,
        [compiled(never).template],
        [go_templates.request(conversation, think=True) for conversation in conversations],
    )

    assert asked_not == asked_to == [off]


@needs_go
def test_system_messages_stand_in_front_once(program: Path) -> None:
    """Ollama joins them; they are among the messages too."""
    conversation = Conversation(
        (
            text_message("system", "One."),
            text_message("user", "Q"),
            text_message("assistant", "A"),
            text_message("system", "Two."),
            text_message("user", "R"),
        )
    )
    joined = Conversation((text_message("system", "One.\n\nTwo."), *conversation.messages[1:3]))
    expected = Conversation((*joined.messages, text_message("user", "R")))

    texts = go_templates.rendered(
        program, [compiled(built_in("qwen")).template], [go_templates.request(conversation)]
    )

    assert texts == [[trained(built_in("qwen"), expected)]]


def test_a_compiled_template_can_be_read() -> None:
    """As it stands in the Modelfile."""
    assert compiled(built_in("gemma")).template == GEMMA


def test_a_thought_stands_between_its_marks() -> None:
    """In plain text: there Ollama looks for what parts a thought from an answer."""
    template = compiled(extended("qwen3", {"enable_thinking": True})).template

    assert "{{- if $think }}<think>\n{{ .Thinking }}\n</think>\n\n{{ else }}\n" in template


def test_the_parameters_of_a_modelfile() -> None:
    """The context that training had, and every end of an answer."""
    definition = built_in("llama3")

    made = to_ollama(definition, tokens_of(definition, tokenizer()), num_ctx=4096)

    assert made.parameters() == [
        ("num_ctx", 4096),
        ("stop", "<|eot_id|>"),
        ("stop", "<|eom_id|>"),
    ]
    assert made.add_bos
    assert compiled(built_in("default")).parameters() == [("stop", "<EOS>")]


def test_what_may_differ_in_ollama_is_told() -> None:
    """In the documentation all of it; with a template what concerns it."""
    everything = extended("llama3", {"thinking": {}, "enable_thinking": False})
    nothing = built_in("gpt_oss")

    listed = DOCS.read_text(encoding="utf-8").split("## Ollama\n")[1]
    assert [f"- {limit}" for limit in compiled(everything).limits] == [
        line for line in listed.splitlines() if line.startswith("- ")
    ]
    assert compiled(nothing).limits == compiled(everything).limits[1:4]


@pytest.mark.parametrize("thinks", [True, False])
@pytest.mark.parametrize("name", library())
def test_ollama_takes_the_template_that_writes_tools(name: str, thinks: bool) -> None:
    """It counts what each can do. A template without tools is not to seem to have some."""
    definition = built_in(name)
    if definition.thinking:
        definition = extended(name, {"enable_thinking": thinks})
    jinja = to_jinja(definition, tokens_of(definition, tokenizer()))

    able = seen_by_ollama(jinja, compiled(definition).template)

    assert ("tools" in able) == (definition.tool_format is not None)


def seen_by_ollama(jinja: str, go: str) -> set[str]:
    """Return what the template can do that Ollama takes, by the words that it looks for."""
    by_jinja = {"tools"} if "tools" in jinja or "tool_call" in jinja else set()
    by_jinja |= {"thinking"} if "<think>" in jinja and "</think>" in jinja else set()
    by_go = {"tools"} if ".Tools" in go else set()
    by_go |= {"thinking"} if re.search(r"}}[^{}]+{{ \.Thinking }}[^{}]+{{", go) else set()
    return by_jinja if len(by_jinja) > len(by_go) else by_go


@pytest.mark.parametrize("name", library())
def test_a_template_can_stand_in_a_modelfile(name: str) -> None:
    """Three quotes would end it there; the first token would be there twice."""
    made = compiled(built_in(name))

    assert '"""' not in made.template
    assert not made.add_bos or BOS not in made.template
