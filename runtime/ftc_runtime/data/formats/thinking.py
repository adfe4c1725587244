"""Thoughts that stand in an answer's text: `<think>...</think>` in front of it."""

from __future__ import annotations

import re

from ftc_runtime.data.conversation import Message, text_message

THOUGHT = re.compile(r"\s*<think>(?P<thought>.*?)</think>\s*", re.DOTALL)


def split_thought(text: str) -> tuple[str | None, str]:
    """Return the thought in front of a text, or None, and what follows.

    White space around the thought and behind it is a template's, and goes. A thought without an
    end stays in the text, and so does one that is not in front.
    """
    found = THOUGHT.match(text) if "<think>" in text else None
    if found is None:
        return None, text
    return found["thought"].strip(), text[found.end() :]


def answer(text: str) -> Message:
    """Return the assistant's message, its thought apart from its text."""
    thought, said = split_thought(text)
    return text_message("assistant", said, reasoning_content=thought)
