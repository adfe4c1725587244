"""A template that is defined by data, written out: the text of a conversation, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ftc_runtime.data.conversation import Conversation, Message
from ftc_runtime.templates.definition import Definition
from ftc_runtime.templates.rendered import Part, Piece, Rendered, Specials, TemplateFault, Thoughts
from ftc_runtime.templates.slots import around, tokens_of
from ftc_runtime.templates.tool_formats import FORMATS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(slots=True)
class Writer:
    """Puts pieces behind one another. Parts of a conversation's own are escaped with *mark*."""

    specials: Specials
    mark: str
    texts: list[str] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    answers: set[int] = field(default_factory=set)
    missing: set[int] = field(default_factory=set)
    left_out: set[int] = field(default_factory=set)
    bare: set[int] = field(default_factory=set)
    length: int = 0

    def write(self, text: str, part: Part, message: int | None = None) -> None:
        """Write the template's own words."""
        if text:
            self.texts.append(text)
            self.pieces.append(Piece(self.length, self.length + len(text), part, message))
            self.length += len(text)

    def say(self, text: str, part: Part, message: int | None = None) -> None:
        """Write what somebody said, in which no special token is one."""
        self.write(self.said(text), part, message)

    def said(self, text: str) -> str:
        """Return a text of the conversation's own, in which no special token is one."""
        return self.specials.escaped(text, self.mark)

    def rendered(self) -> Rendered:
        """Return all of it."""
        thoughts = Thoughts(frozenset(self.missing), frozenset(self.left_out), frozenset(self.bare))
        answers = frozenset(self.answers)
        return Rendered("".join(self.texts), tuple(self.pieces), self.mark, answers, thoughts)


class DefinedTemplate:
    """A template of the library or of the project, for one tokenizer."""

    def __init__(self, definition: Definition, tokenizer: PreTrainedTokenizerFast) -> None:
        """Put the tokenizer's own tokens into the slots."""
        self.definition = definition
        self._specials = Specials(tokenizer)
        self._tokens = tokens_of(definition, tokenizer)
        self._slots = {
            name: around(self._filled(text))
            for name, text in {
                "system": definition.system,
                "user": definition.user,
                "assistant": definition.assistant,
                "tool_calls": definition.tool_calls or definition.assistant,
                "tool": definition.tool or definition.user,
            }.items()
        }
        thinking = definition.thinking
        self._thinking = (
            (self._filled(thinking.start), self._filled(thinking.end)) if thinking else None
        )
        self._tools = FORMATS[definition.tool_format] if definition.tool_format else None
        ends = [*definition.stop, self._tokens.eos]
        self.ends = tuple(dict.fromkeys(end for end in ends if end))

    def render(self, conversation: Conversation) -> Rendered:
        """Return a whole conversation."""
        writer = self._written(conversation)
        if conversation.messages and conversation.messages[-1].role == "assistant":
            last = len(conversation.messages) - 1
            writer.write(self._filled(self.definition.suffix), "end", last)
        return writer.rendered()

    def prompt(self, conversation: Conversation) -> Rendered:
        """Return the text after which the assistant is to answer."""
        writer = self._written(conversation)
        answer = len(conversation.messages)
        writer.write(self._filled(self.definition.generation_prompt), "frame", answer)
        if self._thinking and not self.definition.enable_thinking:
            writer.write("".join(self._thinking), "frame", answer)
        return writer.rendered()

    def _written(self, conversation: Conversation) -> Writer:
        writer = Writer(self._specials, self._specials.mark(conversation))
        messages = conversation.messages
        writer.write(self._filled(self.definition.prefix), "frame")
        system_in_user = self.definition.system_place == "user"
        if not system_in_user:
            self._system(writer, conversation)
        first = next((at for at, said in enumerate(messages) if said.role == "user"), None)
        last = max((at for at, said in enumerate(messages) if said.role == "user"), default=-1)
        if system_in_user and first is None and _says_more(conversation):
            raise TemplateFault("it has no user's turn for the system message to stand in")
        for at, message in enumerate(messages):
            match message.role:
                case "user":
                    before, after = self._slots["user"]
                    writer.write(before, "frame", at)
                    if system_in_user and at == first:
                        self._system(writer, conversation)
                    writer.say(message.text, "content", at)
                    writer.write(after, "frame", at)
                case "tool":
                    self._returned(writer, messages, at)
                case "assistant":
                    thinks = self.definition.preserve_thinking or at > last
                    self._answer(writer, message, at, thinks=thinks)
        return writer

    def _system(self, writer: Writer, conversation: Conversation) -> None:
        """Write the system message, the template's own if there is none, and the tools."""
        messages = conversation.messages
        said = messages[0].text if messages and messages[0].role == "system" else None
        text = (self.definition.default_system or "") if said is None else said
        tools = self._announced(conversation, writer)
        if not text and not tools:
            return
        at = None if said is None else 0
        before, after = self._slots["system"]
        writer.write(before, "frame", at)
        if at is None:
            writer.write(text, "frame")
        else:
            writer.say(text, "content", at)
        writer.write(tools, "frame")
        writer.write(after, "frame", at)

    def _announced(self, conversation: Conversation, writer: Writer) -> str:
        if not conversation.tools:
            return ""
        if self._tools is None:
            raise TemplateFault("it has tools, for which the template has no `tool_format`")
        return self._tools.announced(conversation.tools, writer.said)

    def _returned(self, writer: Writer, messages: tuple[Message, ...], at: int) -> None:
        """Write what a tool returned; the results of several calls are one turn."""
        before, after = self._slots["tool"]
        follows = at > 0 and messages[at - 1].role == "tool"
        more = at + 1 < len(messages) and messages[at + 1].role == "tool"
        separator = self._filled(self.definition.tool_separator)
        writer.write(separator if follows else before, "frame", at)
        writer.say(messages[at].text, "content", at)
        writer.write("" if more else after, "frame", at)

    def _answer(self, writer: Writer, message: Message, at: int, *, thinks: bool) -> None:
        writer.answers.add(at)
        writer.write(self._filled(self.definition.generation_prompt), "frame", at)
        self._thought(writer, message, at, thinks=thinks)
        before, after = self._slots["tool_calls" if message.tool_calls else "assistant"]
        writer.write(before, "content", at)
        writer.say(message.text, "content", at)
        if message.tool_calls:
            if self._tools is None:
                raise TemplateFault("it calls tools, for which the template has no `tool_format`")
            if message.text:
                writer.write("\n", "content", at)
            writer.write(self._tools.called(message.tool_calls, writer.said), "content", at)
        writer.write(after, "end", at)

    def _thought(self, writer: Writer, message: Message, at: int, *, thinks: bool) -> None:
        """Write what the assistant thinks, or that it does not; earlier answers may go without.

        Where the model is not to think, the empty thought belongs to the prompt.
        """
        thought = message.reasoning_content
        if self._thinking is None:
            if thought is not None:
                raise TemplateFault("it has a thought, for which the template has no `thinking`")
            return
        enabled = bool(self.definition.enable_thinking)
        if thought and not (enabled and thinks):
            writer.left_out.add(at)
        if enabled and thinks:
            start, end = self._thinking
            writer.write(start, "thinking", at)
            writer.say(thought or "", "thinking", at)
            writer.write(end, "thinking", at)
            if not thought:
                writer.missing.add(at)
        elif enabled:
            writer.bare.add(at)
        elif thinks:
            writer.write("".join(self._thinking), "frame", at)

    def _filled(self, slot: str) -> str:
        return self._tokens.filled(slot)


def _says_more(conversation: Conversation) -> bool:
    """Does it have a system message or tools?"""
    first = conversation.messages[:1]
    return bool(conversation.tools or (first and first[0].role == "system" and first[0].text))
