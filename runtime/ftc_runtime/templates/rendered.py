"""A conversation as text, and what each stretch of the text is.

Text that a message spells is never taken for a special token: where it would be, a mark stands in
it (`Specials`), which the encoder takes out again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import Conversation, Message, TextPart, ToolCall

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

FIRST_PRIVATE_USE, LAST_PRIVATE_USE = 0xE000, 0xF8FF

Part = Literal["frame", "thinking", "content", "end"]
"""What a stretch of text is.

frame: the template's own words, such as a header, and tools. thinking: what the assistant thinks,
with the marks around it. content: what the message says. end: what closes an assistant's turn.
"""


class TemplateFault(Exception):
    """The template cannot render a conversation, or the mask cannot be found in the result."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of `Rendered.text`. *message* is None for what belongs to none of them."""

    start: int
    stop: int
    part: Part
    message: int | None = None


@dataclass(frozen=True, slots=True)
class Thoughts:
    """The answers of a conversation, by number, whose thoughts are not simply written."""

    missing: frozenset[int] = frozenset()
    """They have none, and the model is to think: an empty one is written."""
    left_out: frozenset[int] = frozenset()
    """They have one, which is not written."""
    bare: frozenset[int] = frozenset()
    """They stand without a thought, and the model would begin with one."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A conversation as the model sees it.

    *pieces* follow one another and cover *text*; none is empty. Where a message spells a special
    token, *mark* stands behind the spelling's first character: `<` mark `|im_end|>`.
    """

    text: str
    pieces: tuple[Piece, ...] = ()
    mark: str = ""
    answers: frozenset[int] = frozenset()
    """The messages that are the assistant's."""
    thoughts: Thoughts = Thoughts()


class ChatTemplate(Protocol):
    """Turns conversations into text, the same for training and for inference."""

    ends: tuple[str, ...]
    """What ends an answer: each a special token's text."""

    def render(self, conversation: Conversation) -> Rendered:
        """Return a whole conversation.

        Raises:
            TemplateFault: if the template has no place for something in it.
        """

    def prompt(self, conversation: Conversation) -> Rendered:
        """Return the text after which the assistant is to answer.

        Raises:
            TemplateFault: if the template has no place for something in it.
        """


class Specials:
    """The spellings of a tokenizer's special tokens, and how a text that has one stays text."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        """Take the tokens of more than one character, the longest first."""
        added: dict[int, Any] = tokenizer.added_tokens_decoder
        texts = {token.content for token in added.values() if token.special}
        self.texts = sorted(
            (text for text in texts if len(text) > 1), key=lambda text: (-len(text), text)
        )
        self._firsts = sorted({text[0] for text in self.texts})

    def first_in(self, text: str) -> tuple[str, ...]:
        """Return the first special token in a text that a template wrote, if there is one."""
        found = re.search("|".join(map(re.escape, self.texts)) or r"(?!)", text)
        return (found[0],) if found else ()

    def mark(self, conversation: Conversation) -> str:
        """Return the mark that a conversation needs; it is empty if no text spells a token."""
        texts = list(_texts(conversation))
        if not any(map(self._is_in, texts)):
            return ""
        used = {character for text in texts for character in text}
        for code in range(FIRST_PRIVATE_USE, LAST_PRIVATE_USE + 1):
            if chr(code) not in used:
                return chr(code)
        raise TemplateFault("it uses every private-use character of Unicode")

    def _is_in(self, text: str) -> bool:
        # There are hundreds in some vocabularies, nearly all with `<`, and most texts have none.
        return any(first in text for first in self._firsts) and any(
            special in text for special in self.texts
        )

    def escaped(self, text: str, mark: str) -> str:
        """Return a text with *mark* in every special token that it spells."""
        if mark:
            for special in self.texts:
                text = text.replace(special, special[0] + mark + special[1:])
        return text

    def escaped_conversation(self, conversation: Conversation, mark: str) -> Conversation:
        """Return a conversation with *mark* in every special token that somebody spells in it."""

        def escaped(value: Json) -> Any:
            match value:
                case str():
                    return self.escaped(value, mark)
                case dict():
                    return {escaped(key): escaped(part) for key, part in value.items()}
                case list():
                    return [escaped(part) for part in value]
                case _:
                    return value

        messages = tuple(
            replace(
                message,
                content=(TextPart(self.escaped(message.text, mark)),),
                reasoning_content=escaped(message.reasoning_content),
                tool_calls=tuple(
                    ToolCall(escaped(call.name), escaped(dict(call.arguments)))
                    for call in message.tool_calls
                ),
            )
            for message in conversation.messages
        )
        return Conversation(messages, tuple(escaped(dict(tool)) for tool in conversation.tools))


def _texts(conversation: Conversation) -> Sequence[str]:
    """Return every text that a person or a model wrote."""
    texts = [text for message in conversation.messages for text in _message_texts(message)]
    for tool in conversation.tools:
        texts += _json_texts(tool)
    return texts


def _message_texts(message: Message) -> list[str]:
    texts = [message.text, message.reasoning_content or ""]
    for call in message.tool_calls:
        texts += [call.name, *_json_texts(call.arguments)]
    return texts


def _json_texts(value: object) -> list[str]:
    """Return the keys and texts in a JSON value, however deep."""
    texts: list[str] = []
    stack = [value]
    while stack:
        match stack.pop():
            case str(text):
                texts.append(text)
            case dict(mapping):
                stack += [*mapping.keys(), *mapping.values()]
            case list(items):
                stack += items
    return texts
