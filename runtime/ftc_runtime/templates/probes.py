"""Conversations on which the renderings of a template are compared."""

from __future__ import annotations

from collections.abc import Sequence

from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import Conversation, Message, TextPart, ToolCall, text_message


def _chat(*texts: str, system: str | None = None) -> Conversation:
    """Return user and assistant by turns."""
    said = [
        text_message("assistant" if turn % 2 else "user", text) for turn, text in enumerate(texts)
    ]
    return Conversation((*([] if system is None else [text_message("system", system)]), *said))


def _thought(thought: str | None, answer: str) -> Message:
    return text_message("assistant", answer, reasoning_content=thought)


def _calling(text: str, *calls: ToolCall) -> Message:
    return Message("assistant", (TextPart(text),), tool_calls=calls)


WEATHER: dict[str, Json] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": 'The weather <now> & "then" in a city\'s centre, such as 北京',
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "A city"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["city"],
        },
    },
}
CLOCK: dict[str, Json] = {
    "type": "function",
    "function": {
        "name": "clock",
        "description": "The time",
        "parameters": {"type": "object", "properties": {}},
    },
}
CALL = ToolCall("weather", {"city": "Zürich", "unit": "celsius"})
MANY = ToolCall("weather", {"unit": None, "city": "a'b\"c\\d\n{{x}}", "days": [1, 2.5, True]})

PROBES: dict[str, Conversation] = {
    "one turn": _chat("What is one plus one?", "It is two."),
    "a system message": _chat("Who are you?", "A parrot.", system="You are a parrot."),
    "an empty system message": _chat("Who are you?", "Nobody.", system=""),
    "three turns": _chat("One", "Two", "Three", "Four", "Five", "Six", system="Count."),
    "Unicode": _chat(
        "你好\uff0c世界\uff01 日本語 한국어",
        "🦙👩\u200d👩\u200d👧 e\u0301 \u202eabc\u202c שלום مرحبا \u200b\ufeff",
        "a\u2028b\u2029c\x85d\x0be\x0cf\r\ng\rh\x00i",
        "\U0001d518\U0001d52b ½ \ufb01 \ue000",
        system="用一句话回答。",
    ),
    "white space at the edges": _chat(
        "  two spaces\n", "\n\n answer \t", "\n", " ", "\ttab", "x\n\n\n", system=" \n system \n"
    ),
    "empty answers": _chat("", "", "More", "", system="System"),
    "text that looks like a template": _chat(
        "{{ 1 + 1 }} {% if x %} {# no #} {{content}} {{bos}} {{- .System -}} ${HOME} %}}}",
        "'quoted' \"twice\" \\n \\' {{ range .Messages }}{{ end }} {%- raw -%}",
        system="{{ messages }} {{eos}}",
    ),
    "the results of tools": Conversation(
        (
            text_message("user", "Read both."),
            text_message("assistant", "Reading."),
            text_message("tool", '{"value": 1}'),
            text_message("tool", "second\n"),
            text_message("assistant", "1 and second."),
            text_message("tool", "alone"),
            text_message("assistant", "Done."),
        )
    ),
    "thoughts": Conversation(
        (
            text_message("system", "Think."),
            text_message("user", "One?"),
            _thought("It is one.\n\nSurely.", "1"),
            text_message("user", "Two?"),
            _thought(" ", "2"),
            text_message("user", "Three?"),
            _thought(None, "3"),
            text_message("tool", "4"),
            _thought("Then four. {{ x }}", "4"),
        )
    ),
    "tools": Conversation(
        (text_message("user", "Hello"), text_message("assistant", "Hi!")), (WEATHER, CLOCK)
    ),
    "a call": Conversation(
        (
            text_message("user", "How warm is it?"),
            _calling("", MANY),
            text_message("tool", '{"degrees": 21}'),
            text_message("assistant", "21 degrees."),
        ),
        (WEATHER,),
    ),
    "several calls": Conversation(
        (
            text_message("system", "Be brief."),
            text_message("user", "How warm is it?"),
            _calling("", CALL),
            text_message("tool", '{"degrees": 21}'),
            _calling("Two more.", MANY, ToolCall("clock", {})),
            text_message("tool", "cold"),
            text_message("tool", "12:00"),
            text_message("assistant", "21 degrees."),
        ),
        (WEATHER, CLOCK),
    ),
}


def spelling(specials: Sequence[str]) -> Conversation:
    """Return a conversation in which everybody spells special tokens."""
    every = " ".join(specials)
    return Conversation(
        (
            text_message("system", f"Say {every}."),
            text_message("user", "".join(specials)),
            text_message("assistant", f"{every}\n"),
            text_message("tool", every),
            text_message("assistant", "".join(specials)),
        )
    )
