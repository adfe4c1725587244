"""A conversation that is too long, shortened so that it stays one.

What is cut is the conversation, and what is left is rendered and encoded anew. So every header,
end and other word of the template is whole, and so are characters; the ids are those that the
model would be given for the shorter conversation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ftc_runtime.data.conversation import Conversation, Message, TextPart
from ftc_runtime.stages.tokens.spec import Data
from ftc_runtime.templates.boundaries import first_boundary, last_boundary
from ftc_runtime.templates.encoding import Encoded, Encoder
from ftc_runtime.templates.masks import trained_pieces
from ftc_runtime.templates.rendered import ChatTemplate, Rendered


@dataclass(frozen=True, slots=True)
class Fitted:
    """A conversation, as text and as token ids."""

    conversation: Conversation
    rendered: Rendered
    encoded: Encoded

    @property
    def length(self) -> int:
        """Its tokens."""
        return len(self.encoded.ids)


@dataclass(frozen=True, slots=True)
class _Text:
    """A text that may be cut, and where its tokens begin."""

    message: int
    thought: bool
    text: str
    starts: list[int]
    least: int
    """The tokens that it keeps: those of its first character."""


@dataclass(frozen=True, slots=True)
class Cutter:
    """Shortens conversations to `max_length` tokens."""

    template: ChatTemplate
    encoder: Encoder
    data: Data

    def fitted(self, whole: Fitted) -> Fitted | None:
        """Return a conversation that fits, or None if the template's own words are too long.

        Whole exchanges go first: the last ones, or the first ones where the first is not trained.
        What is left of a single one loses the ends of the prompt's longest texts; if the prompt
        alone cannot give enough, of the longest texts of all.

        Raises:
            TemplateFault: if the template refuses the shorter conversation.
        """
        starts = _exchanges(whole.conversation.messages)
        fitted = self._with_fewer(whole, starts) if len(starts) > 1 else whole
        while fitted.length > self.data.max_length:
            shorter = self._with_less_text(
                fitted.conversation, fitted.length - self.data.max_length
            )
            again = self._encoded(shorter) if shorter else None
            if again is None or again.length >= fitted.length:
                return None
            fitted = again
        return fitted

    def _encoded(self, conversation: Conversation) -> Fitted:
        rendered = self.template.render(conversation)
        return Fitted(conversation, rendered, self.encoder.encode([rendered])[0])

    def _with_fewer(self, whole: Fitted, starts: list[int]) -> Fitted:
        """Keep as many exchanges as fit, and at least one."""
        last_ones = not self._is_trained(whole, range(starts[0], starts[1]))
        best = self._encoded(_kept(whole.conversation, starts, 1, last_ones=last_ones))
        low, high = 2, len(starts) - 1
        while low <= high and best.length <= self.data.max_length:
            middle = (low + high) // 2
            tried = self._encoded(_kept(whole.conversation, starts, middle, last_ones=last_ones))
            if tried.length <= self.data.max_length:
                best, low = tried, middle + 1
            else:
                high = middle - 1
        return best

    def _is_trained(self, fitted: Fitted, messages: range) -> bool:
        said = fitted.conversation.messages
        pieces = trained_pieces(fitted.rendered, said, masking=self.data)
        return any(piece.message in messages for piece in pieces)

    def _with_less_text(self, conversation: Conversation, excess: int) -> Conversation | None:
        """Return it with about so many tokens less of text, or None if it has not so many."""
        texts = self._texts(conversation)
        prompt = [text for text in texts if conversation.messages[text.message].role != "assistant"]
        cut = prompt if _spare(prompt) >= excess else texts
        if _spare(cut) < excess:
            return None
        messages = list(conversation.messages)
        for text, size in zip(cut, _levelled(cut, excess), strict=True):
            if size < len(text.starts):
                stop = last_boundary(text.text, text.starts[size], self.encoder.spelled)
                said = messages[text.message]
                messages[text.message] = _with_text(said, text, text.text[:stop])
        return Conversation(tuple(messages), conversation.tools)

    def _texts(self, conversation: Conversation) -> list[_Text]:
        texts = []
        for at, message in enumerate(conversation.messages):
            for thought, text in ((True, message.reasoning_content), (False, message.text)):
                if text:
                    starts = [start for start, _ in self.encoder.text(text).spans]
                    first = first_boundary(text, self.encoder.spelled)
                    least = sum(start < first for start in starts)
                    texts.append(_Text(at, thought, text, starts, least))
        return texts


def _exchanges(messages: Sequence[Message]) -> list[int]:
    """Return where each exchange begins: with what a user says, up to the next that one says."""
    return [
        at
        for at, message in enumerate(messages)
        if message.role == "user" and not (at and messages[at - 1].role == "user")
    ]


def _kept(
    conversation: Conversation, starts: list[int], count: int, *, last_ones: bool
) -> Conversation:
    """Return it with so many exchanges, and what stands in front of the first."""
    messages = conversation.messages
    if not last_ones:
        return conversation.upto(starts[count])
    kept = messages[: starts[0]] + messages[starts[-count] :]
    return Conversation(kept, conversation.tools)


def _spare(texts: Sequence[_Text]) -> int:
    return sum(len(text.starts) - text.least for text in texts)


def _levelled(texts: Sequence[_Text], amount: int) -> list[int]:
    """Return how many tokens each text keeps if the longest ones lose so many together."""
    sizes = [len(text.starts) for text in texts]
    low, high = 0, max(sizes, default=0)
    while low < high:
        level = (low + high + 1) // 2
        if sum(sizes) - sum(_at_most(texts, level)) >= amount:
            low = level
        else:
            high = level - 1
    kept = _at_most(texts, low)
    spare = sum(sizes) - sum(kept) - amount
    for index, size in enumerate(sizes):
        if spare > 0 and kept[index] < size:
            kept[index] += 1
            spare -= 1
    return kept


def _at_most(texts: Sequence[_Text], level: int) -> list[int]:
    return [min(len(text.starts), max(level, text.least)) for text in texts]


def _with_text(message: Message, cut: _Text, text: str) -> Message:
    if cut.thought:
        return replace(message, reasoning_content=text)
    return replace(message, content=(TextPart(text),))
